// The addresses of a program's memory, as numbers that outlive the graph and the plan.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::passes {

// An offset in bytes from the start of an input, an output or the arena.
struct Address {
  enum class Base : std::uint8_t { input, output, arena };
  Base base = Base::arena;
  std::uint32_t index = 0;  // of the input or output
  std::size_t offset = 0;

  std::byte* in(std::byte* arena, void* const* inputs, void* const* outputs) const {
    switch (base) {
      case Base::input:
        return static_cast<std::byte*>(inputs[index]) + offset;
      case Base::output:
        return static_cast<std::byte*>(outputs[index]) + offset;
      case Base::arena:
        break;
    }
    return arena + offset;
  }
};

// A byte range within a value.
struct Gap {
  std::size_t offset = 0, bytes = 0;
};

}  // namespace weft::passes
