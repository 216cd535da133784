// The nearest right name to one that is unknown: for ops, attributes, flags, models.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weft {

// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b);

// The element of `known` that is nearest to `given`, or "" where none is near (more than a third of its letters off, at
// least one).
std::string nearest(std::string_view given, const std::vector<std::string>& known);

// "; did you mean 'matmul'?", or the whole list where none is near and it is short, or "".
std::string did_you_mean(std::string_view given, const std::vector<std::string>& known);

}  // namespace weft
