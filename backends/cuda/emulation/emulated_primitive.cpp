// Computes a row of sums at a time, so that the host's compiler vectorises.
#include "backends/cuda/emulation/emulated_primitive.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "ir/error.h"

namespace weft::cuda {

namespace {

using Index = std::int64_t;
using Sums = std::vector<double>;

// NaN stays NaN.
float activated(double sum, bool relu) { return relu && sum < 0 ? 0.0F : float(sum); }

class EmulatedMatmul final : public Primitive {
 public:
  explicit EmulatedMatmul(const Matmul& matmul) : matmul_(matmul) {}
  std::size_t scratch_bytes() const override { return 0; }
  std::string implementation() const override { return "emulated matmul"; }

  void run(void* const* operands, void*) override {
    const auto *a = static_cast<const float*>(operands[0]), *b = static_cast<const float*>(operands[1]);
    const float* bias = matmul_.bias ? static_cast<const float*>(operands[2]) : nullptr;
    auto* const result = static_cast<float*>(operands[matmul_.bias ? 3 : 2]);
    const auto& [a_stride, b_stride, result_stride] = matmul_.strides;
    for (Index i = 0; i < matmul_.count; ++i)
      multiply(a + i * a_stride, b + i * b_stride, bias, result + i * result_stride);
  }

 private:
  void multiply(const float* a, const float* b, const float* bias, float* result) const {
    const Matrix &left = matmul_.a, &right = matmul_.b, &to = matmul_.result;
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
        result[i * to.row_stride + j * to.column_stride] = activated(sum, *matmul_.activation != '\0');
      }
    }
  }

  Matmul matmul_;
};

// Offset of element [n, c, y, x] of an image.
struct Strides {
  Index image, channel, row, column;
};

Strides strides_of(const Index (&dims)[4], bool channels_last) {
  const auto& [n, c, h, w] = dims;
  return channels_last ? Strides{h * w * c, 1, w * c, c} : Strides{c * h * w, h * w, w, 1};
}

class EmulatedConvolution final : public Primitive {
 public:
  explicit EmulatedConvolution(const Convolution& convolution)
      : c_(convolution),
        x_strides_(strides_of(c_.x, c_.channels_last != 0)),
        y_strides_(strides_of(c_.y, c_.channels_last != 0)) {}
  std::size_t scratch_bytes() const override { return 0; }
  std::string implementation() const override { return "emulated convolution"; }

  void run(void* const* operands, void*) override {
    switch (c_.direction) {
      case WEFT_FORWARD:
        return forward(input(operands[0]), input(operands[1]), c_.bias ? input(operands[2]) : nullptr,
                       output(operands[c_.bias ? 3 : 2]));
      case WEFT_BACK_TO_X:
        return data(input(operands[0]), input(operands[1]), output(operands[2]));
      case WEFT_BACK_TO_W:
        return weights(input(operands[0]), input(operands[1]), output(operands[2]));
    }
  }

 private:
  static const float* input(const void* memory) { return static_cast<const float*>(memory); }
  static float* output(void* memory) { return static_cast<float*>(memory); }

  // In these weights, y's channels of a group change fastest: [group][tap][input channel][output channel].
  Index inputs_a_group() const { return c_.w[1]; }
  Index outputs_a_group() const { return c_.w[0] / c_.groups; }
  Index taps() const { return c_.w[2] * c_.w[3]; }
  Index place_of_weight(Index out, Index in, Index tap) const {
    return has_channels_last_weights(c_) ? (out * taps() + tap) * inputs_a_group() + in
                                         : (out * inputs_a_group() + in) * taps() + tap;
  }
  template <typename Body>
  void for_each_weight(Body body) const {
    std::size_t i = 0;
    for (Index group = 0; group < c_.groups; ++group)
      for (Index tap = 0; tap < taps(); ++tap)
        for (Index in = 0; in < inputs_a_group(); ++in)
          for (Index out = 0; out < outputs_a_group(); ++out)
            body(i++, std::size_t(place_of_weight(group * outputs_a_group() + out, in, tap)));
  }
  Sums reordered(const float* w) const {
    Sums weights(std::size_t(c_.w[0] * inputs_a_group() * taps()));
    for_each_weight([&](std::size_t mine, std::size_t theirs) { weights[mine] = w[theirs]; });
    return weights;
  }

  // Calls body(x offset, y offset, weights offset) for the first channels of each pair of pixels and group that a tap
  // connects.
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

  void forward(const float* x, const float* w, const float* bias, float* y) const {
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
    for (Index n = 0; n < c_.y[0]; ++n)
      for (Index channel = 0; channel < c_.y[1]; ++channel)
        for (Index pixel = 0; pixel < c_.y[2] * c_.y[3]; ++pixel) {
          const Index at = offset(y_strides_, n, channel, pixel / c_.y[3], pixel % c_.y[3]);
          y[at] = activated(sums[std::size_t(at)] + (bias ? bias[channel] : 0), *c_.activation != '\0');
        }
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
    for_each_weight([&](std::size_t mine, std::size_t theirs) { w[theirs] = float(sums[mine]); });
  }

  Convolution c_;
  Strides x_strides_, y_strides_;
};

// Rounds to 10 bits behind the leading one, ties away from zero: the input precision of tensor cores.
float tf32_of(float value) {
  constexpr std::uint32_t dropped = 13;  // of the 23 bits of f32
  const auto bits = std::bit_cast<std::uint32_t>(value);
  constexpr std::uint32_t exponent = 0x7F800000;
  if ((bits & exponent) == exponent) return value;  // infinity, NaN
  return std::bit_cast<float>((bits + (1U << (dropped - 1))) >> dropped << dropped);
}

float from_bf16(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

// Rounds to nearest, ties to even.
std::uint16_t to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return std::uint16_t(bits >> 16 | 0x40);  // a NaN stays one
  return std::uint16_t((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

// Runs an f32 primitive on copies of some operands.
class CopyingPrimitive : public Primitive {
 public:
  // `sizes`: the extent of those operands in elements; `pointers`: the number of pointers of a run.
  CopyingPrimitive(std::unique_ptr<Primitive> exact, std::vector<Index> sizes, std::size_t pointers)
      : exact_(std::move(exact)), pointers_(pointers) {
    for (const Index size : sizes) copies_.emplace_back(std::size_t(size));
  }
  std::size_t scratch_bytes() const override { return exact_->scratch_bytes(); }

  void run(void* const* operands, void* scratch) override {
    std::vector<void*> given(operands, operands + pointers_);
    for (std::size_t i = 0; i < copies_.size(); ++i) {
      copy(operands[i], copies_[i]);
      given[i] = copies_[i].data();
    }
    finish(*exact_, given, scratch);
  }

 protected:
  virtual void copy(const void* operand, std::vector<float>& into) const = 0;
  virtual void finish(Primitive& exact, std::vector<void*>& given, void* scratch) { exact.run(given.data(), scratch); }
  const Primitive& exact() const { return *exact_; }

 private:
  std::unique_ptr<Primitive> exact_;
  std::size_t pointers_;
  std::vector<std::vector<float>> copies_;
};

// Rounds f32 operands to TF32.
class Tf32Operation final : public CopyingPrimitive {
 public:
  using CopyingPrimitive::CopyingPrimitive;
  std::string implementation() const override { return exact().implementation() + ":tf32"; }

 private:
  void copy(const void* operand, std::vector<float>& into) const override {
    const auto* const from = static_cast<const float*>(operand);
    std::transform(from, from + into.size(), into.begin(), tf32_of);
  }
};

// Converts operands from bf16, and the result to bf16 unless `result_size` is 0.
class Bf16Operation final : public CopyingPrimitive {
 public:
  Bf16Operation(std::unique_ptr<Primitive> exact, std::vector<Index> sizes, std::size_t pointers, Index result_size)
      : CopyingPrimitive(std::move(exact), std::move(sizes), pointers), result_(std::size_t(result_size)) {}
  std::string implementation() const override { return exact().implementation() + ":bf16"; }

 private:
  void copy(const void* operand, std::vector<float>& into) const override {
    const auto* const from = static_cast<const std::uint16_t*>(operand);
    std::transform(from, from + into.size(), into.begin(), from_bf16);
  }
  void finish(Primitive& exact, std::vector<void*>& given, void* scratch) override {
    auto* const narrow = static_cast<std::uint16_t*>(given.back());
    if (!result_.empty()) given.back() = result_.data();
    exact.run(given.data(), scratch);
    std::transform(result_.begin(), result_.end(), narrow, to_bf16);
  }

  std::vector<float> result_;
};

Index size_of(const Matrix& matrix) {
  return (matrix.rows - 1) * matrix.row_stride + (matrix.columns - 1) * matrix.column_stride + 1;
}

Index size_of(const Index (&dims)[4]) { return dims[0] * dims[1] * dims[2] * dims[3]; }

std::vector<Index> operand_sizes(const Convolution& c) {
  switch (c.direction) {
    case WEFT_FORWARD:
      return {size_of(c.x), size_of(c.w)};
    case WEFT_BACK_TO_X:
      return {size_of(c.y), size_of(c.w)};
    case WEFT_BACK_TO_W:
      return {size_of(c.x), size_of(c.y)};
  }
  return {};
}

Index result_size(const Convolution& c) {
  switch (c.direction) {
    case WEFT_FORWARD:
      return size_of(c.y);
    case WEFT_BACK_TO_X:
      return size_of(c.x);
    case WEFT_BACK_TO_W:
      return size_of(c.w);
  }
  return 0;
}

}  // namespace

std::unique_ptr<Primitive> emulate(const Matmul& matmul) {
  auto exact = std::make_unique<EmulatedMatmul>(matmul);
  std::vector<Index> sizes{(matmul.count - 1) * matmul.strides[0] + size_of(matmul.a),
                           (matmul.count - 1) * matmul.strides[1] + size_of(matmul.b)};
  const std::size_t pointers = matmul.bias ? 4 : 3;
  if (matmul.dtype == WEFT_BF16)
    return std::make_unique<Bf16Operation>(std::move(exact), std::move(sizes), pointers, 0);
  if (matmul.tf32 != 0) return std::make_unique<Tf32Operation>(std::move(exact), std::move(sizes), pointers);
  return exact;
}

std::unique_ptr<Primitive> emulate(const Convolution& convolution) {
  auto exact = std::make_unique<EmulatedConvolution>(convolution);
  const std::size_t pointers = convolution.bias ? 4 : 3;
  if (convolution.dtype == WEFT_BF16) {
    check(!convolution.bias, "the pass bf16 takes the bias out of a convolution");
    return std::make_unique<Bf16Operation>(std::move(exact), operand_sizes(convolution), pointers,
                                           result_size(convolution));
  }
  if (convolution.tf32 != 0)
    return std::make_unique<Tf32Operation>(std::move(exact), operand_sizes(convolution), pointers);
  return exact;
}

}  // namespace weft::cuda
