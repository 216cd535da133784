// Eigen helpers for the sources of this folder. No other header includes Eigen, because it is slow to compile. Public
// functions take and return row-major vectors and spans; `map` views them as matrices in place.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace weft::training {

template <typename T>
using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// [values / columns, columns]
template <typename T>
Eigen::Map<const RowMajor<T>> map(std::span<const T> values, std::int64_t columns) {
  return {values.data(), std::int64_t(values.size()) / columns, columns};
}

inline Eigen::Map<const Eigen::VectorXd> map(const std::vector<double>& values) {
  return {values.data(), std::int64_t(values.size())};
}

inline std::vector<double> to_vector(const RowMajor<double>& matrix) {
  return {matrix.data(), matrix.data() + matrix.size()};
}

// Calls visit(begin, block) for blocks of `rows` [N,columns], as double and minus `mean`. Blocks avoid a second copy of
// a large data set.
template <typename Visit>
void for_each_centred_block(std::span<const float> rows, std::span<const double> mean, Visit visit) {
  constexpr std::int64_t kBlock = 512;
  const auto columns = std::int64_t(mean.size());
  const auto all = map(rows, columns);
  const Eigen::Map<const Eigen::RowVectorXd> centre(mean.data(), columns);
  for (std::int64_t begin = 0; begin < all.rows(); begin += kBlock) {
    const std::int64_t count = std::min(kBlock, all.rows() - begin);
    RowMajor<double> block = all.middleRows(begin, count).cast<double>().rowwise() - centre;
    visit(begin, block);
  }
}

}  // namespace weft::training
