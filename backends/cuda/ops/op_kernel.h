// Hand-written kernels for ops that neither fuse nor belong to a library: pooling, scattered sums, the gradient of
// affine sampling, and similarities. One file each.
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

// What a kernel is made for. Operands and result are row-major; floats have any float dtype, except in similarities,
// which take f32.
struct OpShape {
  ir::OpCode code;
  ir::Attrs attrs;
  std::vector<ir::Type> operands;  // static
  ir::Type result;
};

bool has_op_kernel(ir::OpCode code);
// Arguments: the operands, then the result. Throws Error for a dtype that the kernel does not support.
EmittedKernel emit_op(const OpShape& op, const std::string& name);
EmittedKernel emit_op(const ir::Graph& graph, const ir::Op& op, const std::string& name);

EmittedKernel emit_pooling(const OpShape& op, const std::string& name);
EmittedKernel emit_scatter_add(const OpShape& op, const std::string& name);
EmittedKernel emit_affine_sample_grad(const OpShape& op, const std::string& name);
// `tile`: rows per block, 64 or 128; 0: chosen by the shape.
EmittedKernel emit_similarity_lse(const OpShape& op, const std::string& name, std::int64_t tile = 0);
// Whether emit_similarity_lse computes each pair once for this number of rows.
bool takes_pairs_once(std::int64_t rows);
// Computes each pair of tiles once, `depth` diagonals of them per launch: for many rows.
EmittedKernel emit_similarity_lse_pairs(const OpShape& op, const std::string& name, std::int64_t tile,
                                        std::int64_t depth);
EmittedKernel emit_similarity_lse_grad(const OpShape& op, const std::string& name);

// Replaces each identifier of the list (first) in the text with its meaning (second).
std::string fill_in(const std::string& text, const std::vector<std::pair<std::string, std::string>>& words);
// Words for elements in memory: ELEMENT is their type, LOAD(..) and STORE(..) convert between them and floats.
std::vector<std::pair<std::string, std::string>> element_words(const OpShape& op);
// Threads of a launch with one thread per item.
Launch one_each(const std::string& function, std::int64_t items, unsigned threads = 256);

}  // namespace weft::cuda
