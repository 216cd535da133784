// Pooling over windows and its gradients.
#include <cmath>
#include <limits>

#include "backends/reference/index.h"
#include "backends/reference/kernels.h"

namespace weft::reference {

using ir::Attr;
using ir::Attrs;
using ir::Type;

namespace {

// Calls body(output offset, offsets of the inputs inside its window) for every window of an image of dims `x`.
template <typename Body>
void for_each_window(const Attrs& attrs, const Type& x, const Type& y, Body body) {
  const Index x_dims = numbers(x.dims), x_strides = ir::row_major(x_dims);
  const Index kernel = attrs.integers(Attr::kernel), stride = attrs.integers(Attr::stride),
              padding = attrs.integers(Attr::padding);
  std::size_t i = 0;
  for_each_position(numbers(y.dims), [&](const Index& position) {
    std::vector<std::size_t> window;
    for_each_position(kernel, [&](const Index& tap) {
      const std::int64_t row = position[2] * stride[0] - padding[0] + tap[0];
      const std::int64_t column = position[3] * stride[1] - padding[1] + tap[1];
      if (row >= 0 && row < x_dims[2] && column >= 0 && column < x_dims[3])
        window.push_back(offset_of({position[0], position[1], row, column}, x_strides));
    });
    body(i++, static_cast<const std::vector<std::size_t>&>(window));
  });
}

double window_size(const Attrs& attrs) {
  const Index kernel = attrs.integers(Attr::kernel);
  return double(kernel[0] * kernel[1]);
}

// The position of the first maximum of a non-empty window, or of its first NaN.
std::size_t first_maximum(const Tensor& x, const std::vector<std::size_t>& window) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < window.size(); ++i) {
    const double each = x.data[window[i]], so_far = x.data[window[best]];
    if (each > so_far || (std::isnan(each) && !std::isnan(so_far))) best = i;
  }
  return best;
}

}  // namespace

Tensor max_pool2d(const Tensor& x, const Attrs& attrs, const Type& type) {
  Tensor y = filled(type, -std::numeric_limits<double>::infinity());
  for_each_window(attrs, x.type, type, [&](std::size_t i, const std::vector<std::size_t>& window) {
    if (!window.empty()) y.data[i] = x.data[window[first_maximum(x, window)]];
  });
  return y;
}

Tensor max_pool2d_grad(const Tensor& x, const Tensor& dy, const Attrs& attrs, const Type& type) {
  Tensor dx = filled(type, 0);
  for_each_window(attrs, x.type, dy.type, [&](std::size_t i, const std::vector<std::size_t>& window) {
    if (!window.empty()) dx.data[window[first_maximum(x, window)]] += dy.data[i];
  });
  return dx;
}

Tensor avg_pool2d(const Tensor& x, const Attrs& attrs, const Type& type) {
  Tensor y = filled(type, 0);
  for_each_window(attrs, x.type, type, [&](std::size_t i, const std::vector<std::size_t>& window) {
    double sum = 0;
    for (const std::size_t each : window) sum += x.data[each];
    y.data[i] = sum / window_size(attrs);
  });
  return y;
}

Tensor avg_pool2d_grad(const Tensor& dy, const Attrs& attrs, const Type& type) {
  Tensor dx = filled(type, 0);
  for_each_window(attrs, type, dy.type, [&](std::size_t i, const std::vector<std::size_t>& window) {
    for (const std::size_t each : window) dx.data[each] += dy.data[i] / window_size(attrs);
  });
  return dx;
}

}  // namespace weft::reference
