// What a kernel costs beyond reading its inputs and storing its results once. Every cost of the search (search.h) is in
// bytes of memory traffic.
#pragma once

#include <vector>

#include "ir/graph.h"
#include "ir/kernel/region.h"

namespace weft::passes {

// Additions on one element in the time that one byte takes to or from memory: a core of 8 to 16 lanes makes some 40e9
// in a second, and moves some 5e9 bytes while all other cores do.
inline constexpr double kAdditionsPerByte = 32;

struct Price {
  double bytes = 0;           // infinite if no kernel can hold the ops
  kernel::Objection because;  // the largest part
};

// Of one kernel of `members` (op ids, ascending). Takes linear time.
Price price(const kernel::RegionGraph& graph, const std::vector<ir::OpId>& members);

// Of computing an op's results once.
double work(const ir::Graph& graph, ir::OpId id);

// Sources that every kernel computes instead of loading: constants, indices, random numbers.
bool is_free_source(const ir::Graph& graph, const ir::Op& op);

}  // namespace weft::passes
