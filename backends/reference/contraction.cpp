// Matmuls and convolutions, written as the sums of their definitions.
#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/reference/index.h"
#include "backends/reference/kernels.h"

namespace weft::reference {

using ir::Attr;
using ir::Attrs;
using ir::Type;

namespace {

// Adds the optional last operand, one number per position along `axis`.
void add_bias(Tensor& result, const Operands& operands, std::size_t axis) {
  if (operands.size() < 3) return;
  std::size_t i = 0;
  for_each_position(numbers(result.type.dims),
                    [&](const Index& position) { result.data[i++] += operands[2]->data[std::size_t(position[axis])]; });
}

// The last two dims of an operand of matmul, transposed if it says so.
struct Matrix {
  Matrix(const Type& type, bool is_transposed) : transposed(is_transposed) {
    const Index dims = numbers(type.dims);
    rows = dims[dims.size() - (transposed ? 1 : 2)];
    columns = dims[dims.size() - (transposed ? 2 : 1)];
  }
  // Of an element of the matrix with this index among those of the leading dims.
  std::size_t offset(std::int64_t matrix, std::int64_t row, std::int64_t column) const {
    return std::size_t(matrix * rows * columns + (transposed ? column * rows + row : row * columns + column));
  }

  bool transposed;
  std::int64_t rows, columns;
};

// The relation of the three convolution ops, in the terms of conv2d: y [N,O,..] = x [N,C,..] * w [O,C/groups,..].
class Convolution {
 public:
  Convolution(const Attrs& attrs, const Type& x, const Type& w, const Type& y)
      : x_dims_(numbers(x.dims)),
        w_dims_(numbers(w.dims)),
        y_dims_(numbers(y.dims)),
        stride_(attrs.integers(Attr::stride)),
        padding_(attrs.integers(Attr::padding)),
        dilation_(attrs.integers(Attr::dilation)),
        outputs_a_group_(w_dims_[0] / attrs.integer(Attr::groups)) {}

  // Calls body(x offset, w offset, y offset) for every product x * w of the sum y.
  template <typename Body>
  void for_each_product(Body body) const {
    std::size_t y_offset = 0;
    for_each_position(y_dims_, [&](const Index& y) {
      const std::int64_t first_channel = y[1] / outputs_a_group_ * w_dims_[1];
      std::int64_t w_offset = y[1] * w_dims_[1] * w_dims_[2] * w_dims_[3];
      for (std::int64_t channel = 0; channel < w_dims_[1]; ++channel) {
        const std::int64_t plane = (y[0] * x_dims_[1] + first_channel + channel) * x_dims_[2] * x_dims_[3];
        for (std::int64_t i = 0; i < w_dims_[2]; ++i)
          for (std::int64_t j = 0; j < w_dims_[3]; ++j, ++w_offset) {
            const std::int64_t row = y[2] * stride_[0] - padding_[0] + i * dilation_[0];
            const std::int64_t column = y[3] * stride_[1] - padding_[1] + j * dilation_[1];
            if (row >= 0 && row < x_dims_[2] && column >= 0 && column < x_dims_[3])
              body(std::size_t(plane + row * x_dims_[3] + column), std::size_t(w_offset), y_offset);
          }
      }
      ++y_offset;
    });
  }

 private:
  Index x_dims_, w_dims_, y_dims_, stride_, padding_, dilation_;
  std::int64_t outputs_a_group_;
};

}  // namespace

Tensor matmul(const Operands& operands, const Attrs& attrs, const Type& type) {
  const Tensor &a = *operands[0], &b = *operands[1];
  const bool transpose_a = attrs.integer(Attr::transpose_a) != 0, transpose_b = attrs.integer(Attr::transpose_b) != 0;
  const Matrix left(a.type, transpose_a), right(b.type, transpose_b);
  Tensor result{type, {}};
  for (std::int64_t product = 0; product < type.elements() / (left.rows * right.columns); ++product)
    for (std::int64_t row = 0; row < left.rows; ++row)
      for (std::int64_t column = 0; column < right.columns; ++column) {
        double sum = 0;
        for (std::int64_t k = 0; k < left.columns; ++k)
          sum += a.data[left.offset(product, row, k)] * b.data[right.offset(product, k, column)];
        result.data.push_back(sum);
      }
  add_bias(result, operands, 1);
  return result;
}

Tensor conv2d(const Operands& operands, const Attrs& attrs, const Type& type) {
  const Tensor &x = *operands[0], &w = *operands[1];
  Tensor y = filled(type, 0);
  Convolution(attrs, x.type, w.type, y.type).for_each_product([&](std::size_t xi, std::size_t wi, std::size_t yi) {
    y.data[yi] += x.data[xi] * w.data[wi];
  });
  add_bias(y, operands, 1);
  return y;
}

Tensor conv_transpose2d(const Operands& operands, const Attrs& attrs, const Type& type) {
  const Tensor &y = *operands[0], &w = *operands[1];
  Tensor x = filled(type, 0);
  Convolution(attrs, x.type, w.type, y.type).for_each_product([&](std::size_t xi, std::size_t wi, std::size_t yi) {
    x.data[xi] += y.data[yi] * w.data[wi];
  });
  add_bias(x, operands, 1);
  return x;
}

Tensor conv2d_weight_grad(const Tensor& x, const Tensor& dy, const Attrs& attrs, const Type& type) {
  Tensor w = filled(type, 0);
  Convolution(attrs, x.type, w.type, dy.type).for_each_product([&](std::size_t xi, std::size_t wi, std::size_t yi) {
    w.data[wi] += x.data[xi] * dy.data[yi];
  });
  return w;
}

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double product_of_rows(const Tensor& x, std::size_t i, std::size_t j) {
  const auto width = std::size_t(numbers(x.type.dims)[1]);
  double dot = 0;
  for (std::size_t k = 0; k < width; ++k) dot += x.data[i * width + k] * x.data[j * width + k];
  return dot;
}

// x_i.x_j as defined by similarity_tiles.
double product_in_tiles(const Tensor& tiles, std::size_t rows, std::size_t i, std::size_t j) {
  const auto block = std::size_t(numbers(tiles.type.dims)[1]), blocks = (rows + block - 1) / block;
  if (i / block > j / block) std::swap(i, j);
  const std::size_t row = i / block, column = j / block;
  const std::size_t tile = row * blocks - row * (row + 1) / 2 + column;
  return tiles.data[(tile * block + i % block) * block + j % block];
}

// s_ij = r_i r_j x_i.x_j for one i and all j; -infinity for j = i.
std::vector<double> similarities(const Tensor& x, const Tensor& r, const Tensor* tiles, std::size_t i) {
  const std::size_t rows = r.data.size();
  std::vector<double> s(rows, -kInfinity);
  for (std::size_t j = 0; j < rows; ++j) {
    if (j == i) continue;
    s[j] = r.data[i] * r.data[j] * (tiles ? product_in_tiles(*tiles, rows, i, j) : product_of_rows(x, i, j));
  }
  return s;
}

}  // namespace

Tensor similarity_lse(const Operands& operands, const Type& type) {
  const Tensor &x = *operands[0], &r = *operands[1];
  Tensor result{type, {}};
  for (std::size_t i = 0; i < r.data.size(); ++i) {
    const std::vector<double> s = similarities(x, r, operands.size() == 3 ? operands[2] : nullptr, i);
    const double largest = *std::max_element(s.begin(), s.end());
    double sum = 0;
    for (const double each : s) sum += std::exp(each - largest);
    result.data.push_back(largest + std::log(sum));
  }
  return result;
}

Tensor similarity_lse_grad(const Operands& operands, const Type& type) {
  const Tensor &x = *operands[0], &r = *operands[1], &lse = *operands[2], &w = *operands[3];
  const auto width = std::size_t(numbers(type.dims)[1]);
  Tensor result = filled(type, 0);
  for (std::size_t i = 0; i < r.data.size(); ++i) {
    const std::vector<double> s = similarities(x, r, operands.size() == 5 ? operands[4] : nullptr, i);
    for (std::size_t j = 0; j < s.size(); ++j) {
      if (j == i) continue;
      const double weight = w.data[i] * std::exp(s[j] - lse.data[i]) + w.data[j] * std::exp(s[j] - lse.data[j]);
      for (std::size_t k = 0; k < width; ++k)
        result.data[i * width + k] += r.data[i] * weight * r.data[j] * x.data[j * width + k];
    }
  }
  return result;
}

Tensor similarity_tiles(const Tensor& x, const Type& type) {
  const auto rows = std::size_t(numbers(x.type.dims)[0]), block = std::size_t(numbers(type.dims)[1]);
  Tensor result{type, {}};
  for (std::size_t first = 0; first < rows; first += block)
    for (std::size_t second = first; second < rows; second += block)
      for (std::size_t i = first; i < first + block; ++i)
        for (std::size_t j = second; j < second + block; ++j)
          result.data.push_back(i == j || i >= rows || j >= rows ? -kInfinity : product_of_rows(x, i, j));
  return result;
}

}  // namespace weft::reference
