// Parsing, printing and arithmetic of memory layouts.
#include "ir/memory_layout.h"

#include <algorithm>
#include <cctype>

#include "ir/error.h"

namespace weft::ir {

namespace {

constexpr std::string_view kLetters = "oihw";

std::optional<std::size_t> dim_of(char letter) {
  const std::size_t dim = kLetters.find(char(std::tolower(static_cast<unsigned char>(letter))));
  if (dim == std::string_view::npos) return {};
  return dim;
}

bool is_blocked(const MemoryLayout& layout, std::size_t dim) {
  return std::any_of(layout.blocks.begin(), layout.blocks.end(), [&](const auto& block) { return block.dim == dim; });
}

std::int64_t block_of(const MemoryLayout& layout, std::size_t dim) {
  std::int64_t size = 1;
  for (const MemoryLayout::Block& block : layout.blocks)
    if (block.dim == dim) size *= block.size;
  return size;
}

}  // namespace

std::optional<MemoryLayout> parse_memory_layout(std::string_view text) {
  MemoryLayout layout;
  std::size_t at = 0;
  for (; at < text.size() && layout.order.size() < kLetters.size(); ++at) {
    const auto dim = dim_of(text[at]);
    if (!dim || std::count(layout.order.begin(), layout.order.end(), *dim) != 0) return {};
    layout.order.push_back(*dim);
  }
  if (layout.order.size() != kLetters.size()) return {};
  while (at < text.size()) {
    MemoryLayout::Block block{0, 0};
    for (; at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) && block.size < 1000; ++at)
      block.size = 10 * block.size + (text[at] - '0');
    if (at == text.size() || block.size < 2) return {};
    const auto dim = dim_of(text[at++]);
    if (!dim) return {};
    block.dim = *dim;
    layout.blocks.push_back(block);
  }
  if (to_string(layout) != text) return {};
  return layout;
}

std::string to_string(const MemoryLayout& layout) {
  std::string text;
  for (const std::size_t dim : layout.order)
    text += is_blocked(layout, dim) ? char(std::toupper(static_cast<unsigned char>(kLetters[dim]))) : kLetters[dim];
  for (const MemoryLayout::Block& block : layout.blocks) text += fmt::format("{}{}", block.size, kLetters[block.dim]);
  return text;
}

std::string memory_layout_misfit(std::string_view text, const Type& type) {
  if (text.empty()) return "";
  const auto layout = parse_memory_layout(text);
  if (!layout) return fmt::format("\"{}\" is not a memory layout; an example is OIhw16i16o", text);
  if (type.rank() != kLetters.size() || !type.is_static())
    return fmt::format("the layout {} is for weights [out,in,height,width], not for {}", text, to_string(type));
  for (std::size_t dim = 0; dim < type.rank(); ++dim)
    if (number(type.dims[dim]) % block_of(*layout, dim) != 0)
      return fmt::format("the layout {} needs a multiple of {} along dim {} of {}", text, block_of(*layout, dim), dim,
                         to_string(type));
  return "";
}

std::vector<std::size_t> memory_offsets(const MemoryLayout& layout, const std::vector<std::int64_t>& dims) {
  // Splits an index along a dim into digits of mixed radix: its blocks from last to first, then the outer dim.
  struct Digit {
    std::size_t dim;
    std::int64_t divisor, radix, stride;
  };
  std::vector<Digit> digits;
  std::vector<std::int64_t> taken(dims.size(), 1);
  std::int64_t stride = 1;
  for (std::size_t i = layout.blocks.size(); i-- > 0;) {
    const MemoryLayout::Block& block = layout.blocks[i];
    digits.push_back({block.dim, taken[block.dim], block.size, stride});
    taken[block.dim] *= block.size;
    stride *= block.size;
  }
  for (std::size_t i = layout.order.size(); i-- > 0;) {
    const std::size_t dim = layout.order[i];
    const std::int64_t outer = dims[dim] / taken[dim];
    digits.push_back({dim, taken[dim], outer, stride});
    stride *= outer;
  }
  std::vector<std::size_t> offsets(static_cast<std::size_t>(stride));
  std::vector<std::int64_t> index(dims.size());
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    std::int64_t rest = std::int64_t(i);
    for (std::size_t dim = dims.size(); dim-- > 0; rest /= dims[dim]) index[dim] = rest % dims[dim];
    std::int64_t offset = 0;
    for (const Digit& digit : digits) offset += index[digit.dim] / digit.divisor % digit.radix * digit.stride;
    offsets[i] = std::size_t(offset);
  }
  return offsets;
}

}  // namespace weft::ir
