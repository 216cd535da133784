// oneDNN: only files of onednn/ make its primitives, so that another version of its interface is a change there alone.
// Made once, at compile time; run many times. No header of the library is seen from here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "backends/cpu/matmul.h"
#include "ir/contraction.h"

namespace weft::cpu {

// A library primitive made for fixed shapes, strides and number of threads. Operands: a, b, [bias], result.
class Primitive {
 public:
  virtual ~Primitive() = default;
  virtual void bind(void* const* operands, void* scratch) = 0;  // before `run`, and again when memory moves
  virtual void run() = 0;
  virtual std::size_t scratch_bytes() const = 0;
  virtual std::string implementation()
      const = 0;  // the library's name of the kernel it chose, such as "brg:avx512_core"
};

// result = activation(a * b + bias): bias is one number a column; activation "" or "relu". Uses the threads that
// omp_get_max_threads() allows now. Bits do not depend on their number: measured for oneDNN 2.6.3, see bench/study.
std::unique_ptr<Primitive> make_matmul(const Matrix& a, const Matrix& b, const Matrix& result, bool bias,
                                       const std::string& activation);

struct Convolution : ir::ConvolutionShape {
  std::string weights_layout = {};  // of w in memory, see ir/memory_layout.h
  bool bias = false;                // of `forward` alone, as is the activation: "" or "relu"
  std::string activation = {};
  bool winograd = true;  // where it is faster; it rounds otherwise (relative error 1e-6)
};

// Operands and result in the order of ConvolutionShape::Direction. Uses the threads that omp_get_max_threads() allows
// now, and gives the same bits for any number of them.
std::unique_ptr<Primitive> make_convolution(const Convolution& convolution);

// The layout of w that serves the directions of a convolution best; "" where that is row-major, or not one to live in.
std::string preferred_weights_layout(const Convolution& convolution);

std::string onednn_version();  // "oneDNN 2.6.3"

}  // namespace weft::cpu
