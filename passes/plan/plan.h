// The memory plan: in which order ops run, and where in one arena each value lies.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "passes/plan/placement.h"

namespace weft::passes {

inline constexpr std::size_t kAlignment = 64;  // bytes: a cache line, a vector register

// A stretch of the arena, in use from one step of the order to another, both included.
struct Buffer {
  std::size_t bytes = 0;
  std::size_t offset = 0;  // set by assign_offsets
  int first = 0, last = 0;
  ir::ValueId value = ir::kNone;  // what made it, kNone for the scratch of an op
};

struct Plan {
  std::vector<ir::OpId> order;  // the ops that run, views and assemblies left out
  std::vector<Place> places;    // by value; base `buffer` indexes `buffers`
  std::vector<Buffer> buffers;
  std::vector<int> scratch_buffer;  // by step of the order: index into buffers, or -1
  std::size_t arena_bytes = 0;
  std::size_t naive_bytes = 0;        // each buffer in memory of its own, nothing made in place
  std::size_t lower_bound_bytes = 0;  // largest sum of buffers in use at one step
};

// All dims are numbers, and copies has run. `scratch_bytes`, by op, is what each op needs while it runs (empty:
// none).
Plan make_plan(const ir::Graph& graph, const std::vector<std::size_t>& scratch_bytes = {});

// The pack that a value is, or is a view of; else null.
const ir::Op* pack_below(const ir::Graph& graph, ir::ValueId value);

// A stretch of bytes within a value.
struct Gap {
  std::size_t offset = 0, bytes = 0;
};
// Between the operands of a `pack`, and behind the last: what must be zeros.
std::vector<Gap> gaps_of(const ir::Graph& graph, const ir::Op& pack);
// What an op reads and writes at least, in bytes.
double bytes_of(const ir::Graph& graph, const ir::Op& op);

// A table of buffers with their life and place, and the three sums.
std::string print(const Plan& plan, const ir::Graph& graph);

}  // namespace weft::passes
