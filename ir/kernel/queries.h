// What follows from a kernel's loops, maps and operands: `lower` and the parser set it by these, `verify` checks it.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/kernel/kernel.h"

namespace weft::kernel {

DimSet row_set(const Kernel& kernel);
DimSet nonzero(const Map& map);  // the dims with a stride
std::vector<int> list(DimSet set);

// Of a node that stands behind its operands, whose own fields are set.
DimSet varies_of(const Kernel& kernel, const Node& node);
Level level_of(const Kernel& kernel, const Node& node);
int first_stage(const Kernel& kernel, const Node& node);  // in which its operands are complete
// The first stage that can read the node: for a row reduction the one after that which it ends.
int ready_stage(const Node& node);
bool is_free(const Node& node);  // depends on no reduction

std::vector<NodeId> row_reductions(const Kernel& kernel, int stage);
std::vector<NodeId> final_reductions(const Kernel& kernel);
bool counts_at_points(const Kernel& kernel, NodeId final_reduce);  // otherwise its operand counts once per row

// How a kernel's code holds a value; it rounds to the dtype separately. f64 and i64 are for what happens between.
enum class Kind : std::uint8_t { f32, f64, i32, i64, truth };
Kind kind_of(ir::DType dtype);

// A final reduction as generated code computes it: each of `copies` parts of the work adds into its own array of
// `extent` 4-byte numbers in scratch; the copies are joined in order at the end.
struct Accumulator {
  NodeId node = 0;
  std::int64_t extent = 1;
  std::int64_t copies = 1;
};

}  // namespace weft::kernel
