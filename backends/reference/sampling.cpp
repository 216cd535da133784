// Bilinear sampling under an affine map, after Jaderberg et al., "Spatial Transformer Networks" (2015). Coordinates in
// [-1, 1] run between the outer edges of the outermost pixels; outside the image everything is 0.
#include <cmath>

#include "backends/reference/index.h"
#include "backends/reference/kernels.h"

namespace weft::reference {

using ir::Type;

namespace {

// The centre of an axis, in pixels (pixel i has its centre at i).
double middle(std::int64_t size) { return double(size - 1) / 2; }

// Calls body(image offset, sample offset, weight) for every pixel that contributes to a sample: sample = sum of weight
// times pixel.
template <typename Body>
void for_each_share(const Type& image, const Tensor& theta, const Type& samples, Body body) {
  const Index image_dims = numbers(image.dims), image_strides = ir::row_major(image_dims);
  const Index dims = numbers(samples.dims);
  std::size_t i = 0;
  for_each_position(dims, [&](const Index& position) {
    const double* t = &theta.data[std::size_t(position[0] * 6)];
    // Relative to the centres, so that 90-degree turns and flips are exact: they only copy pixels
    const double u = double(position[3]) - middle(dims[3]), v = double(position[2]) - middle(dims[2]);
    const auto pixel = [&](const double* row, std::int64_t size) {
      const double from_u = row[0] * (double(size) / double(dims[3])),
                   from_v = row[1] * (double(size) / double(dims[2]));
      return from_u * u + from_v * v + (row[2] * (double(size) / 2) + middle(size));
    };
    const double column = pixel(t, image_dims[3]), row = pixel(t + 3, image_dims[2]);
    for_each_position({2, 2}, [&](const Index& corner) {
      const double y = std::floor(row) + double(corner[0]), x = std::floor(column) + double(corner[1]);
      const double weight = (1 - std::abs(row - y)) * (1 - std::abs(column - x));
      if (y >= 0 && y < double(image_dims[2]) && x >= 0 && x < double(image_dims[3]))
        body(offset_of({position[0], position[1], std::int64_t(y), std::int64_t(x)}, image_strides), i, weight);
    });
    ++i;
  });
}

}  // namespace

Tensor affine_sample(const Tensor& x, const Tensor& theta, const Type& type) {
  Tensor y = filled(type, 0);
  for_each_share(x.type, theta, type, [&](std::size_t pixel, std::size_t sample, double weight) {
    y.data[sample] += weight * x.data[pixel];
  });
  return y;
}

Tensor affine_sample_grad(const Tensor& theta, const Tensor& dy, const Type& type) {
  Tensor dx = filled(type, 0);
  for_each_share(type, theta, dy.type, [&](std::size_t pixel, std::size_t sample, double weight) {
    dx.data[pixel] += weight * dy.data[sample];
  });
  return dx;
}

}  // namespace weft::reference
