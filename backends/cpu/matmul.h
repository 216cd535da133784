// Matrices and matmuls, for both the code generator and oneDNN.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/program/fields.h"

namespace weft::cpu {

using Matrix = weft_matrix;  // of f32, with one dim dense

// A matmul as a generated kernel, which a standalone program runs instead of oneDNN's: result = activation(a * b +
// bias), in f32, for fixed sizes and strides. Kernel buffers: a, b, [bias], result; the result shares no memory with
// the others.
struct Matmul {
  std::string name;
  Matrix a, b, result;
  bool bias = false;            // one number per column
  std::string activation = {};  // "" or "relu"
  bool accumulate = false;      // result += a * b, without bias and activation
};

// "matmul NAME: [64,784] (784,1) * [784,400] (400,1) = [64,400] (400,1), bias, relu": sizes and strides.
std::string to_string(const Matmul& matmul);

}  // namespace weft::cpu
