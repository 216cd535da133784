// Decides, before emission, how a kernel runs on a CPU: chunks, unrolling, accumulators and their memory, and which
// values stay in a buffer between the stages of a row. Everything follows from shapes and the vector width.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ir/kernel/queries.h"

namespace weft::cpu {

// How long the register accumulators of a final reduction last before they are added to memory.
enum class Scope : std::uint8_t { chunk, row, vector };

// Each chunk adds to one of the copies; `finish` adds them into `total`.
struct Accumulator : kernel::Accumulator {
  bool at_point = true;      // its operand counts at each point, else once per row
  bool lane_kept = false;    // lanes hold different accumulators
  bool others_kept = false;  // accumulators differ along dims other than the lane dim
  Scope scope = Scope::chunk;
  std::int64_t copy_stride = 1;  // numbers between copies: whole vectors, except for single numbers
  std::size_t partial = 0;       // byte offsets in scratch
  std::size_t total = 0;
};

// A value kept for the later stages of its row, in a buffer on the stack.
struct Kept {
  kernel::NodeId node = 0;
  int stage = 0;  // that computes it
};

struct Plan {
  int width = 0;
  bool has_row = false;
  bool lane_outer = false;     // lanes lie across an outer dim (or there is no dim)
  std::int64_t lane_size = 1;  // of the lane dim
  std::vector<int> outer;      // the other outer dims, outermost first: flattened they are `rows`
  std::vector<int> row_dims;   // row dims without the lane dim
  std::int64_t rows = 1;
  std::int64_t rows_per_chunk = 1, row_chunks = 1;
  std::int64_t lane_block = 1, lane_chunks = 1;  // lane_chunks > 1 only if lane_outer
  int row_unroll = 1, lane_unroll = 1;
  int window = 0;          // > 0: lanes lie across windows of this many points, all in registers at once
  bool short_row = false;  // all vectors of a row are in registers at once: lane_unroll holds their number
  std::vector<Accumulator> accumulators;
  std::vector<Kept> kept;
  std::int64_t kept_numbers = 0;  // numbers per kept value
  std::size_t scratch_bytes = 0;
  double work_ns = 0;

  std::int64_t chunks() const { return row_chunks * lane_chunks; }
};

Plan make_plan(const kernel::Kernel& kernel, int vector_width);

// Walks the operand tree of `node` that point code of `stage` evaluates: `visit` returns whether to descend into a
// node's operands.
template <typename Visit>
void walk(const kernel::Kernel& kernel, kernel::NodeId node, Visit& visit) {
  if (!visit(node)) return;
  for (const kernel::NodeId operand : kernel.nodes[node].operands) walk(kernel, operand, visit);
}

// The nodes that the loops of one stage evaluate at points: operands of its row reductions and, in the last stage, of
// stores and final reductions.
std::vector<kernel::NodeId> point_roots(const kernel::Kernel& kernel, const Plan& plan, int stage);

}  // namespace weft::cpu
