// The library's product of small matrices whose places change from call to call, for items that walk over tiles.
#pragma once

#include <cstddef>
#include <memory>

#include "backends/cpu/library.h"

namespace weft::cpu {

// result = a * b, or result += a * b, for fixed shapes and strides, on the calling thread alone. One object runs on one
// thread at a time; running it allocates nothing.
class TileProduct {
 public:
  TileProduct(const Matrix& a, const Matrix& b, const Matrix& result, bool accumulate);
  ~TileProduct();
  TileProduct(TileProduct&&) noexcept;
  TileProduct& operator=(TileProduct&&) noexcept;

  void run(const float* a, const float* b, float* result, void* scratch);
  std::size_t scratch_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::cpu
