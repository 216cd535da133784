// Random convolutions to test the ways of computing them on.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace weft::test {

using Sizes = std::vector<std::int64_t>;
using Floats = std::vector<float>;

struct Problem {
  ir::OpCode code = ir::OpCode::conv2d;
  ir::Attrs attrs;
  std::vector<ir::Type> operands;  // images in NCHW
  bool channels_last = false;
};

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(engine_);
  }
  Sizes pair(std::int64_t low, std::int64_t high) { return {between(low, high), between(low, high)}; }
  Floats floats(const ir::Type& type) {
    Floats values(std::size_t(type.elements()));
    for (float& value : values) value = std::uniform_real_distribution<float>(-1, 1)(engine_);
    return values;
  }

 private:
  std::mt19937 engine_;
};

// In [-1, 1].
std::vector<Floats> random_inputs(const Problem& problem, Random& random);
// Odd sizes, strides, paddings, dilations and groups; channels up to 70, and often a multiple of 16.
Problem random_problem(ir::OpCode code, Random& random);
// Small and often 1 in every place: dims of which the library's layouts cannot be told apart, windows in the padding.
Problem narrow_problem(ir::OpCode code, Random& random);

std::string describe(const Problem& problem);

}  // namespace weft::test
