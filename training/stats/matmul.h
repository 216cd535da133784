// A matmul as a compiled program, for work outside training: neighbours, principal components.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "runtime/program.h"
#include "training/session.h"

namespace weft::training {

class Matmul {
 public:
  struct Shape {
    std::int64_t rows, inner, columns;  // of a [rows,inner] x b [inner,columns]
    bool transpose_a = false;           // a is [inner,rows]
    bool transpose_b = false;           // b is [columns,inner]
  };
  // Uses the backend and threads of `options`.
  Matmul(const Shape& shape, const SessionOptions& options);

  // [rows,columns], row-major, valid until the next call. a and b are 64-byte aligned; a backend in host memory reads
  // them in place.
  const float* operator()(const float* a, const float* b);

 private:
  const float* result();

  std::unique_ptr<runtime::Program> program_;
  std::vector<float> result_;  // a copy, if the program's result is on a device
};

// Calls visit(i, products) for each row i of f32 [M,D], in order, with its products with all rows of a table f32 [N,D].
// The whole [M,N] is never in memory.
void for_each_row_products(const runtime::HostTensor& rows, const runtime::HostTensor& table,
                           const SessionOptions& options,
                           const std::function<void(std::int64_t, std::span<const float>)>& visit);

}  // namespace weft::training
