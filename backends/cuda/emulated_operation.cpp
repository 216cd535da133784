// A row of sums at a time, so that the host's compiler finds vectors.
#include "backends/cuda/emulated_operation.h"

#include <algorithm>
#include <bit>
#include <vector>

namespace weft::cuda {

namespace {

using Index = std::int64_t;
using Sums = std::vector<double>;

class EmulatedProduct final : public Operation {
 public:
  explicit EmulatedProduct(const Product& product) : product_(product) {}
  std::size_t scratch_bytes() const override { return 0; }
  std::string implementation() const override { return "emulated product"; }

  void run(void* const* operands, void*) override {
    const auto *a = static_cast<const float*>(operands[0]), *b = static_cast<const float*>(operands[1]);
    const float* bias = product_.bias ? static_cast<const float*>(operands[2]) : nullptr;
    auto* result = static_cast<float*>(operands[product_.bias ? 3 : 2]);
    const Matrix &left = product_.a, &right = product_.b, &to = product_.result;
    Sums sums;
    for (Index i = 0; i < to.rows; ++i) {
      sums.assign(std::size_t(to.columns), 0);
      for (Index k = 0; k < left.columns; ++k) {
        const double factor = a[i * left.row_stride + k * left.column_stride];
        const float* row = b + k * right.row_stride;
        for (Index j = 0; j < to.columns; ++j) sums[std::size_t(j)] += factor * row[j * right.column_stride];
      }
      for (Index j = 0; j < to.columns; ++j) {
        const double sum = sums[std::size_t(j)] + (bias ? bias[j] : 0);
        result[i * to.row_stride + j * to.column_stride] = finished(sum);
      }
    }
  }

 private:
  // NaN stays NaN.
  float finished(double sum) const { return product_.activation == "relu" && sum < 0 ? 0.0F : float(sum); }

  Product product_;
};

// Where element [n, c, y, x] of an image lies.
struct Strides {
  Index image, channel, row, column;
};

Strides strides_of(const std::array<Index, 4>& dims, bool channels_last) {
  const auto [n, c, h, w] = dims;
  return channels_last ? Strides{h * w * c, 1, w * c, c} : Strides{c * h * w, h * w, w, 1};
}

class EmulatedConvolution final : public Operation {
 public:
  explicit EmulatedConvolution(const Convolution& convolution)
      : c_(convolution),
        x_strides_(strides_of(c_.x, c_.channels_last)),
        y_strides_(strides_of(c_.y, c_.channels_last)) {}
  std::size_t scratch_bytes() const override { return 0; }
  std::string implementation() const override { return "emulated convolution"; }

  void run(void* const* operands, void*) override {
    switch (c_.direction) {
      case Convolution::Direction::forward:
        return forward(input(operands[0]), input(operands[1]), output(operands[2]));
      case Convolution::Direction::data:
        return data(input(operands[0]), input(operands[1]), output(operands[2]));
      case Convolution::Direction::weights:
        return weights(input(operands[0]), input(operands[1]), output(operands[2]));
    }
  }

 private:
  static const float* input(const void* memory) { return static_cast<const float*>(memory); }
  static float* output(void* memory) { return static_cast<float*>(memory); }

  // y's channels of a group change fastest in these weights: [group][tap][input channel][output channel].
  Index inputs_a_group() const { return c_.w[1]; }
  Index outputs_a_group() const { return c_.w[0] / c_.groups; }
  Index taps() const { return c_.w[2] * c_.w[3]; }
  template <typename Body>
  void for_each_weight(Body body) const {
    std::size_t i = 0;
    for (Index group = 0; group < c_.groups; ++group)
      for (Index tap = 0; tap < taps(); ++tap)
        for (Index in = 0; in < inputs_a_group(); ++in)
          for (Index out = 0; out < outputs_a_group(); ++out)
            body(i++, std::size_t(((group * outputs_a_group() + out) * inputs_a_group() + in) * taps() + tap));
  }
  Sums reordered(const float* w) const {
    Sums weights(std::size_t(c_.w[0] * inputs_a_group() * taps()));
    for_each_weight([&](std::size_t mine, std::size_t row_major) { weights[mine] = w[row_major]; });
    return weights;
  }

  // body(x offset, y offset, weights offset) for the first channels of each pair of pixels and group that a tap joins.
  template <typename Body>
  void for_each_tap(Body body) const {
    for (Index n = 0; n < c_.y[0]; ++n)
      for (Index row = 0; row < c_.y[2]; ++row)
        for (Index column = 0; column < c_.y[3]; ++column)
          for (Index tap = 0; tap < taps(); ++tap) {
            const Index x_row = row * c_.stride[0] - c_.padding[0] + tap / c_.w[3] * c_.dilation[0];
            const Index x_column = column * c_.stride[1] - c_.padding[1] + tap % c_.w[3] * c_.dilation[1];
            if (x_row < 0 || x_row >= c_.x[2] || x_column < 0 || x_column >= c_.x[3]) continue;
            for (Index group = 0; group < c_.groups; ++group)
              body(offset(x_strides_, n, group * inputs_a_group(), x_row, x_column),
                   offset(y_strides_, n, group * outputs_a_group(), row, column),
                   (group * taps() + tap) * inputs_a_group() * outputs_a_group());
          }
  }
  static Index offset(const Strides& strides, Index n, Index channel, Index row, Index column) {
    return n * strides.image + channel * strides.channel + row * strides.row + column * strides.column;
  }

  void forward(const float* x, const float* w, float* y) const {
    const Sums weights = reordered(w);
    Sums sums(std::size_t(c_.y[0] * c_.y[1] * c_.y[2] * c_.y[3]));
    for_each_tap([&](Index xi, Index yi, Index wi) {
      for (Index in = 0; in < inputs_a_group(); ++in) {
        const double factor = x[xi + in * x_strides_.channel];
        const double* row = weights.data() + wi + in * outputs_a_group();
        for (Index out = 0; out < outputs_a_group(); ++out)
          sums[std::size_t(yi + out * y_strides_.channel)] += factor * row[out];
      }
    });
    std::copy(sums.begin(), sums.end(), y);
  }

  void data(const float* y, const float* w, float* x) const {
    const Sums weights = reordered(w);
    Sums sums(std::size_t(c_.x[0] * c_.x[1] * c_.x[2] * c_.x[3]));
    for_each_tap([&](Index xi, Index yi, Index wi) {
      for (Index in = 0; in < inputs_a_group(); ++in) {
        const double* row = weights.data() + wi + in * outputs_a_group();
        double sum = 0;
        for (Index out = 0; out < outputs_a_group(); ++out) sum += y[yi + out * y_strides_.channel] * row[out];
        sums[std::size_t(xi + in * x_strides_.channel)] += sum;
      }
    });
    std::copy(sums.begin(), sums.end(), x);
  }

  void weights(const float* x, const float* y, float* w) const {
    Sums sums(std::size_t(c_.w[0] * inputs_a_group() * taps()));
    for_each_tap([&](Index xi, Index yi, Index wi) {
      for (Index in = 0; in < inputs_a_group(); ++in) {
        const double factor = x[xi + in * x_strides_.channel];
        double* row = sums.data() + wi + in * outputs_a_group();
        for (Index out = 0; out < outputs_a_group(); ++out) row[out] += factor * y[yi + out * y_strides_.channel];
      }
    });
    for_each_weight([&](std::size_t mine, std::size_t row_major) { w[row_major] = float(sums[mine]); });
  }

  Convolution c_;
  Strides x_strides_, y_strides_;
};

// The nearest number of 10 bits behind the leading one, of two as near the larger: what tensor cores are given.
float tf32_of(float value) {
  constexpr std::uint32_t dropped = 13;  // of the 23 bits of f32
  const auto bits = std::bit_cast<std::uint32_t>(value);
  constexpr std::uint32_t exponent = 0x7F800000;
  if ((bits & exponent) == exponent) return value;  // infinity, NaN
  return std::bit_cast<float>((bits + (1U << (dropped - 1))) >> dropped << dropped);
}

// An operation whose first two operands are rounded to TF32.
class RoundedOperation final : public Operation {
 public:
  // `sizes`: of the two, in floats from their first to their last; `pointers`: how many a run is given.
  RoundedOperation(std::unique_ptr<Operation> exact, std::array<Index, 2> sizes, std::size_t pointers)
      : exact_(std::move(exact)), sizes_(sizes), pointers_(pointers) {}
  std::size_t scratch_bytes() const override { return exact_->scratch_bytes(); }
  std::string implementation() const override { return exact_->implementation() + ":tf32"; }

  void run(void* const* operands, void* scratch) override {
    std::vector<void*> rounded(operands, operands + pointers_);
    for (std::size_t i = 0; i < sizes_.size(); ++i) {
      const auto* const from = static_cast<const float*>(operands[i]);
      copies_[i].resize(std::size_t(sizes_[i]));
      std::transform(from, from + sizes_[i], copies_[i].begin(), tf32_of);
      rounded[i] = copies_[i].data();
    }
    exact_->run(rounded.data(), scratch);
  }

 private:
  std::unique_ptr<Operation> exact_;
  std::array<Index, 2> sizes_;
  std::size_t pointers_;
  std::array<std::vector<float>, 2> copies_;
};

Index size_of(const Matrix& matrix) {
  return (matrix.rows - 1) * matrix.row_stride + (matrix.columns - 1) * matrix.column_stride + 1;
}

Index size_of(const std::array<Index, 4>& dims) { return dims[0] * dims[1] * dims[2] * dims[3]; }

std::array<Index, 2> operand_sizes(const Convolution& c) {
  switch (c.direction) {
    case Convolution::Direction::forward:
      return {size_of(c.x), size_of(c.w)};
    case Convolution::Direction::data:
      return {size_of(c.y), size_of(c.w)};
    case Convolution::Direction::weights:
      return {size_of(c.x), size_of(c.y)};
  }
  return {};
}

}  // namespace

std::unique_ptr<Operation> emulate(const Product& product) {
  auto exact = std::make_unique<EmulatedProduct>(product);
  if (!product.tf32) return exact;
  return std::make_unique<RoundedOperation>(
      std::move(exact), std::array<Index, 2>{size_of(product.a), size_of(product.b)}, product.bias ? 4 : 3);
}

std::unique_ptr<Operation> emulate(const Convolution& convolution) {
  auto exact = std::make_unique<EmulatedConvolution>(convolution);
  if (!convolution.tf32) return exact;
  return std::make_unique<RoundedOperation>(std::move(exact), operand_sizes(convolution), 3);
}

}  // namespace weft::cuda
