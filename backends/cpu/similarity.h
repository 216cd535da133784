// `similarity_lse` and its gradient as streaming tiles: n^2 similarities are computed, used and forgotten tile by tile,
// twice a step, in memory of a few tiles a thread. Each pair of blocks is computed once and serves the rows of both.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/cpu/item.h"
#include "backends/kernel/kernel.h"

namespace weft::cpu {

bool is_similarity(ir::OpCode code);
// What is to be compiled for the op; `make_similarity` takes the same kernels compiled, in that order.
std::vector<kernel::Kernel> similarity_kernels(const ir::Graph& graph, const ir::Op& op, const std::string& name);
std::size_t similarity_kernel_count(ir::OpCode code);
std::unique_ptr<Item> make_similarity(const ir::Graph& graph, const ir::Op& op, std::vector<CompiledKernel> kernels,
                                      int threads);

}  // namespace weft::cpu
