// Where each value lies: which buffer, at which offset, with which strides. Reshapes, slices, transposes and views
// are other readings of their operand's memory; the operands of `pack` and `concat` are made where the result wants
// them; outputs are made in the caller's memory. What cannot be placed that way is a Misfit, which
// `copies` mends.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/graph.h"

namespace weft::passes {

using Strides = std::vector<std::int64_t>;  // in elements, one per dim

bool is_contiguous(const ir::Type& type, const Strides& strides);

struct Place {
  enum class Base : std::uint8_t { input, output, buffer };
  Base base = Base::buffer;
  std::uint32_t index = 0;  // of the input or output; for a buffer, the value that made it
  std::int64_t offset = 0;  // in elements
  Strides strides;
  bool same_memory(const Place& other) const { return base == other.base && index == other.index; }
};

// A use that its operand's place does not allow: operand `index` of `op`, or the graph output `index` where op is
// kNone.
struct Misfit {
  ir::OpId op = ir::kNone;
  std::uint32_t index = 0;
};

// Ops that only read memory another way, and so run nothing.
bool is_view(ir::OpCode code);
// Whether a result of the operand's type may lie where the operand does (ir/kernel/lower.h): nothing is computed from
// the operand at other places, or at more places than it has. Reductions of it may be.
bool reads_in_place(const ir::Op& fused, std::uint32_t operand);

// The place of every value, or the misfits (then the places are not to be used). All dims are numbers.
struct Placement {
  std::vector<Place> places;
  std::vector<Misfit> misfits;
};
Placement place_values(const ir::Graph& graph);

}  // namespace weft::passes
