// The location of each value: buffer, offset and strides. Reshapes, slices, transposes and views alias their operand's
// memory; the operands of `pack` and `concat` are computed inside the result; outputs are computed in the caller's
// memory. A value that cannot be placed that way is a Misfit, for which `copies` adds a copy.
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
  std::uint32_t index = 0;  // of the input or output; for a buffer, the value computed in it
  std::int64_t offset = 0;  // in elements
  Strides strides;
  bool same_memory(const Place& other) const { return base == other.base && index == other.index; }
};

// A use that its operand's place does not allow: operand `index` of `op`, or graph output `index` if op is kNone.
struct Misfit {
  ir::OpId op = ir::kNone;
  std::uint32_t index = 0;
};

// Ops that alias their operand's memory and so run nothing.
bool is_view(ir::OpCode code);
// Whether a result of the operand's type may overwrite the operand (ir/kernel/lower.h): the kernel reads the operand
// only at the same index, and not at more indices than it has. Reductions of it are allowed.
bool reads_in_place(const ir::Op& fused, std::uint32_t operand);

// The place of every value, or the misfits (the places are then invalid). All dims must be bound.
struct Placement {
  std::vector<Place> places;
  std::vector<Misfit> misfits;
};
Placement place_values(const ir::Graph& graph);

}  // namespace weft::passes
