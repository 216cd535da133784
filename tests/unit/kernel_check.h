// Checks of compiled kernels against the reference interpreter, on strided memory with guards.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "backends/cpu/parallel.h"
#include "backends/kernel/lower.h"
#include "backends/reference/reference.h"
#include "ir/graph.h"

namespace weft::test {

struct Layouts {
  std::vector<kernel::Strides> inputs, outputs;  // empty: all row-major
  std::vector<std::pair<int, int>> in_place;     // output, input
};

// The outputs of one run; `bits`, where given, gets their memory.
std::vector<reference::Tensor> run_once(const cpu::CompiledKernel& compiled, const ir::Graph& body,
                                        const std::vector<reference::Tensor>& inputs, const Layouts& layouts,
                                        int threads, std::vector<std::vector<char>>* bits);

// Compiles the body, runs it on 1, 2 and 3 threads and again, and compares all with the reference and each other.
void check_body(const ir::Graph& body, const std::vector<reference::Tensor>& inputs, const Layouts& layouts = {},
                const std::string& cpu = "native");

std::vector<reference::Tensor> random_inputs(std::mt19937& random, const ir::Graph& body);
// Of a dim: 1, and around multiples of vectors.
std::int64_t random_size(std::mt19937& random);
// Memory orders that views may have: row-major, inside wider rows, transposed, every second element.
Layouts random_layouts(std::mt19937& random, const ir::Graph& body);

}  // namespace weft::test
