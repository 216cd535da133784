// oneDNN primitives, made once at compile time and run many times. Only files of onednn/ use its interface, in the
// version 2 or 3 (version.h). Pulls in no oneDNN header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "backends/cpu/matmul.h"

namespace weft::cpu {

// oneDNN primitives for fixed shapes and strides, in parts that threads claim. Operands: a, b, [bias], result.
class Primitive {
 public:
  virtual ~Primitive() = default;
  virtual void bind(void* const* operands, void* scratch) = 0;  // call before `run`, and again when memory moves
  virtual void run() = 0;
  virtual std::size_t scratch_bytes() const = 0;
  virtual std::string implementation() const = 0;  // the kernel that oneDNN chose, such as "brg:avx512_core"
};

// result = activation(a * b + bias): bias has one number per column; activation is "" or "relu". Bits do not depend on
// the number of threads.
std::unique_ptr<Primitive> make_matmul(const Matrix& a, const Matrix& b, const Matrix& result, bool bias,
                                       const std::string& activation, int threads);

using Convolution = weft_convolution_step;  // of f32; Winograd has a relative error of 1e-6

// Bits do not depend on the number of threads.
std::unique_ptr<Primitive> make_convolution(const Convolution& convolution, int threads);

// The layout of w that suits all directions of a convolution best; "" if that is row-major or not a layout for params.
std::string preferred_weights_layout(const Convolution& convolution);

std::string onednn_version();  // "oneDNN 2.6.3"

}  // namespace weft::cpu
