// A graph, the numbers it runs on, and how results are compared.
#pragma once

#include <string>
#include <vector>

#include "backends/reference/tensor.h"
#include "ir/graph.h"
#include "tests/fuzz/graphs/random.h"

namespace weft::fuzz {

using reference::Tensor;
using Tensors = std::vector<Tensor>;

struct Subject {
  ir::GraphPtr graph;  // perhaps with symbols
  ir::Bindings bindings;
  Tensors inputs;  // of the bound graph, in its order
};

// A number for each symbol, 1 among them.
ir::Bindings random_bindings(const ir::Graph& graph, Random& random);

// Numbers for the inputs of a static graph that suit their names: positive ones, rows of a table, or anything. plain:
// from -2 to 2, in some inputs whole; smooth: never whole, so that no two are equal; extreme: with NaN, infinities,
// denormals, the largest numbers and both zeros among them.
enum class Numbers : std::uint8_t { plain, smooth, extreme };
Tensors random_inputs(const ir::Graph& graph, Random& random, Numbers numbers);

// Whether an op adds up elements of its operands.
bool sums(ir::OpCode code);
// Every value of a static graph, in its order.
Tensors all_values(const ir::Graph& graph, const Tensors& inputs);

// How far two runs of one computation may be apart.
struct Tolerance {
  double relative = 1e-9;  // 0: not at all, zeros have one sign
  bool nonfinite = true;   // NaN for NaN, infinities for the same; else only what is finite before is compared
};

// The first element that differs: "" where none does. `before` and `after` hold the same outputs.
struct Difference {
  std::size_t output = 0, element = 0;
  double before = 0, after = 0;
};
std::vector<Difference> differences(const Tensors& before, const Tensors& after, const Tolerance& tolerance);

// By how much of itself a result may be off, by dtype. `rounds`: the interpreter runs in float.
struct Noise {
  double f32 = 0x1p-22, bf16 = 0x1p-22, f16 = 0x1p-22;
  bool rounds = false;
};

// Those of `found` that rounding does not explain: `graph`, bound, runs again with each result of an op that rounds off
// by up to `noise`, and zeros of either sign. What such runs give too is no fault.
std::vector<Difference> unexplained(const ir::Graph& graph, const Tensors& inputs, const std::vector<Difference>& found,
                                    const Noise& noise, const Tolerance& tolerance);

std::string describe(const ir::Graph& graph, const Difference& difference);

}  // namespace weft::fuzz
