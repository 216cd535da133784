// How the elements of convolution weights [out,in,height,width] lie in memory, as text: "" is row-major; "OIhw16i16o"
// has the outer dims out, in, height, width, slowest first, and inside them blocks of 16 in by 16 out, the last
// fastest. A capital marks a blocked dim. A layout annotates memory and is not part of a type: it keeps the number of
// elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/type.h"

namespace weft::ir {

struct MemoryLayout {
  struct Block {
    std::size_t dim = 0;
    std::int64_t size = 1;
    bool operator==(const Block&) const = default;
  };
  std::vector<std::size_t> order;  // of the outer dims, slowest first
  std::vector<Block> blocks;       // inside them, the last fastest
  bool operator==(const MemoryLayout&) const = default;
};

// Empty if the text is not a layout; also for "", which fits every rank.
std::optional<MemoryLayout> parse_memory_layout(std::string_view text);
std::string to_string(const MemoryLayout& layout);

// Why a tensor of this type cannot have the layout `text`, or "". Blocks must divide the dims, so that nothing is
// padded.
std::string memory_layout_misfit(std::string_view text, const Type& type);

// offsets[i] is the position of element i of the row-major order. The layout must fit.
std::vector<std::size_t> memory_offsets(const MemoryLayout& layout, const std::vector<std::int64_t>& dims);

}  // namespace weft::ir
