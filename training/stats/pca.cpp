// Computes the covariance and the projection with compiled matmuls.
#include "training/stats/pca.h"

#include <algorithm>

#include "ir/error.h"
#include "training/stats/covariance.h"
#include "training/stats/matmul.h"

namespace weft::training {

namespace {

using runtime::HostTensor;

std::int64_t columns_of(const HostTensor& rows) { return runtime::element_count(std::span(rows.shape).subspan(1)); }

HostTensor centred(const HostTensor& rows, const std::vector<double>& mean) {
  HostTensor result = rows;
  const std::span<float> values = result.as<float>();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] -= static_cast<float>(mean[i % mean.size()]);
  return result;
}

}  // namespace

Pca principal_components(const HostTensor& rows, std::int64_t count, const SessionOptions& options) {
  const std::int64_t columns = columns_of(rows), samples = rows.shape[0];
  if (count <= 0 || count > columns)
    fail("cannot compute {0} principal components of {1} columns; ask for 1 to {1}", count, columns);
  Pca pca{mean_of(rows), {}, count};
  const HostTensor centre = centred(rows, pca.mean);
  Matmul covariance({.rows = columns, .inner = samples, .columns = columns, .transpose_a = true}, options);
  const float* products = covariance(centre.as<float>().data(), centre.as<float>().data());
  pca.components = leading_directions(std::vector<double>(products, products + columns * columns), columns, count);
  return pca;
}

HostTensor project(const Pca& pca, const HostTensor& rows, const SessionOptions& options) {
  const std::int64_t columns = columns_of(rows), samples = rows.shape[0];
  check(static_cast<std::size_t>(columns) == pca.mean.size(), "rows have the width of the components");
  HostTensor components = HostTensor::zeros(ir::DType::f32, {pca.count, columns});
  std::ranges::transform(pca.components, components.as<float>().begin(),
                         [](double value) { return static_cast<float>(value); });
  const HostTensor centre = centred(rows, pca.mean);
  Matmul product({.rows = samples, .inner = columns, .columns = pca.count, .transpose_b = true}, options);
  const float* coordinates = product(centre.as<float>().data(), components.as<float>().data());
  return HostTensor::of(std::span(coordinates, static_cast<std::size_t>(samples * pca.count)), {samples, pca.count});
}

}  // namespace weft::training
