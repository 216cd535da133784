// Principal components (Pearson 1901): the linear baseline of learned representations.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/host_tensor.h"
#include "training/session.h"

namespace weft::training {

struct Pca {
  std::vector<double> mean;        // of each column
  std::vector<double> components;  // [count, columns], orthonormal rows, largest variance first
  std::int64_t count = 0;
};

// The `count` directions of largest variance of the rows of f32 [N,..]. Throws Error unless 0 < count <= columns.
Pca principal_components(const runtime::HostTensor& rows, std::int64_t count, const SessionOptions& options);

// The coordinates of rows along the components: f32 [N,count].
runtime::HostTensor project(const Pca& pca, const runtime::HostTensor& rows, const SessionOptions& options);

}  // namespace weft::training
