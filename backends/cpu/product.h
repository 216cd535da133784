// A matrix product as a generated kernel: what a program without oneDNN runs in place of the library's.
#pragma once

#include <string>

#include "backends/cpu/library.h"

namespace weft::cpu {

// result = activation(a * b + bias), in f32, for fixed sizes and strides. Buffers of the kernel: a, b, [bias], result;
// the result shares no memory with the others.
struct Product {
  std::string name;
  Matrix a, b, result;
  bool bias = false;            // one number a column
  std::string activation = {};  // "" or "relu"
  bool accumulate = false;      // result += a * b, without bias and activation
};

// "product NAME: [64,784] (784,1) * [784,400] (400,1) = [64,400] (400,1), bias, relu": sizes and strides.
std::string to_string(const Product& product);

}  // namespace weft::cpu
