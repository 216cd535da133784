// The plane of the first two principal components.
#include "training/stats/plane.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "ir/error.h"
#include "training/stats/covariance.h"
#include "training/stats/matrix.h"

namespace weft::training {

namespace {

// The directions of largest and second largest variance, each signed so that its largest component is positive.
std::vector<double> two_directions(std::span<const float> points, const std::vector<double>& mean) {
  const std::size_t width = mean.size();
  std::vector<double> directions = leading_directions(covariance_of(points, mean), static_cast<std::int64_t>(width), 2);
  for (const std::span<double> each : {std::span(directions).first(width), std::span(directions).last(width)}) {
    const double largest = *std::ranges::max_element(each, {}, [](double component) { return std::abs(component); });
    for (double& component : each) component = largest < 0 ? -component : component;
  }
  return directions;
}

}  // namespace

std::vector<float> plane_of(std::span<const float> points, std::int64_t dims) {
  if (dims <= 0 || points.size() % static_cast<std::size_t>(dims) != 0)
    fail("{} numbers do not form points of {} dims", points.size(), dims);
  const auto width = static_cast<std::size_t>(dims);
  const std::size_t count = points.size() / width;
  std::vector<float> plane(count * 2, 0.0f);
  if (width <= 2 || points.empty()) {
    for (std::size_t i = 0; i < points.size(); ++i) plane[i / width * 2 + i % width] = points[i];
    return plane;
  }
  const std::vector<double> mean = mean_of(points, dims);
  const std::vector<double> directions = two_directions(points, mean);
  Eigen::Map<RowMajor<float>> result(plane.data(), static_cast<std::int64_t>(count), 2);
  for_each_centred_block(points, mean, [&](std::int64_t begin, const RowMajor<double>& block) {
    result.middleRows(begin, block.rows()) = (block * map(std::span(directions), dims).transpose()).cast<float>();
  });
  return plane;
}

}  // namespace weft::training
