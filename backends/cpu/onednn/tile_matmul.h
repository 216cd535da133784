// oneDNN matmuls of small matrices whose addresses change between calls, for thunks that walk over tiles.
#pragma once

#include <cstddef>
#include <memory>

#include "backends/cpu/onednn/onednn.h"

namespace weft::cpu {

// result = a * b, or result += a * b, for fixed shapes and strides, only on the calling thread. One object runs on one
// thread at a time; running it allocates nothing.
class TileMatmul {
 public:
  TileMatmul(const Matrix& a, const Matrix& b, const Matrix& result, bool accumulate);
  ~TileMatmul();
  TileMatmul(TileMatmul&&) noexcept;
  TileMatmul& operator=(TileMatmul&&) noexcept;

  void run(const float* a, const float* b, float* result, void* scratch);
  // The same of a `TileMatmul` and its buffers: a, b, result.
  static void run_product(void* product, void* const* buffers, void* scratch);
  std::size_t scratch_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::cpu
