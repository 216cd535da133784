// The memory plan: the order of ops, and the location of each value in one arena.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "passes/plan/placement.h"

namespace weft::passes {

inline constexpr std::size_t kAlignment = 64;  // bytes: a cache line

// A range of the arena, in use from step `first` to step `last`, inclusive.
struct Buffer {
  std::size_t bytes = 0;
  std::size_t offset = 0;  // set by assign_offsets
  int first = 0, last = 0;
  ir::ValueId value = ir::kNone;  // the value computed in it, kNone for an op's scratch
};

struct Plan {
  std::vector<ir::OpId> order;  // the ops that run, without views and assemblies
  std::vector<Place> places;    // by value; base `buffer` indexes `buffers`
  std::vector<Buffer> buffers;
  std::vector<int> scratch_buffer;  // by step of the order: index into buffers, or -1
  std::size_t arena_bytes = 0;
  std::size_t naive_bytes = 0;        // if each buffer had its own memory, without reuse
  std::size_t lower_bound_bytes = 0;  // largest sum of live buffers at one step
};

// All dims must be bound, and copies must have run. `scratch_bytes`, by op, is the memory an op needs while it runs
// (empty: none).
Plan make_plan(const ir::Graph& graph, const std::vector<std::size_t>& scratch_bytes = {});

// The pack that produces a value, directly or through views; else null.
const ir::Op* pack_below(const ir::Graph& graph, ir::ValueId value);

// A byte range within a value.
struct Gap {
  std::size_t offset = 0, bytes = 0;
};
// The gaps between the operands of a `pack` and after the last: they must be zeros.
std::vector<Gap> gaps_of(const ir::Graph& graph, const ir::Op& pack);
// Minimum bytes that an op reads and writes.
double bytes_of(const ir::Graph& graph, const ir::Op& op);

// A table of buffers with their lifetimes and offsets, and the three sums.
std::string print(const Plan& plan, const ir::Graph& graph);

}  // namespace weft::passes
