// Kernels written by hand, for the ops that neither fuse nor belong to a library: pooling, scattered sums, the gradient
// of affine sampling, and similarities. Each has a file of its own.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "backends/cuda/codegen/emit.h"
#include "ir/graph.h"
#include "ir/op.h"
#include "ir/type.h"

namespace weft::cuda {

// What a kernel is made for. Operands and result are row-major; floats are of any float dtype, but f32 alone in
// similarities.
struct OpShape {
  ir::OpCode code;
  ir::Attrs attrs;
  std::vector<ir::Type> operands;  // static
  ir::Type result;
};

bool has_op_kernel(ir::OpCode code);
// Arguments: the operands, then the result. Throws Error for a dtype that the kernel does not know.
EmittedKernel emit_op(const OpShape& op, const std::string& name);
EmittedKernel emit_op(const ir::Graph& graph, const ir::Op& op, const std::string& name);

EmittedKernel emit_pooling(const OpShape& op, const std::string& name);
EmittedKernel emit_scatter_add(const OpShape& op, const std::string& name);
EmittedKernel emit_affine_sample_grad(const OpShape& op, const std::string& name);
// `tile`: rows of a block, 64 or 128; 0: what suits the shape.
EmittedKernel emit_similarity_lse(const OpShape& op, const std::string& name, std::int64_t tile = 0);
bool takes_pairs_once(std::int64_t rows);  // what emit_similarity_lse does with so many
// Each pair of tiles once, `depth` diagonals of them a launch: for many rows.
EmittedKernel emit_similarity_lse_pairs(const OpShape& op, const std::string& name, std::int64_t tile,
                                        std::int64_t depth);
EmittedKernel emit_similarity_lse_grad(const OpShape& op, const std::string& name);

// The text with each identifier that is a word of the list (first) replaced by its meaning (second).
std::string fill_in(const std::string& text, const std::vector<std::pair<std::string, std::string>>& words);
// Words for elements in memory: ELEMENT their type, LOAD(..) and STORE(..) between them and floats.
std::vector<std::pair<std::string, std::string>> element_words(const OpShape& op);
// Threads of a launch that does `items` things one by one.
Launch one_each(const std::string& function, std::int64_t items, unsigned threads = 256);

}  // namespace weft::cuda
