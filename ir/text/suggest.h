// The known name nearest to an unknown one: for ops, attributes, flags, models.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weft {

// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b);

// The element of `known` nearest to `given`, or "" if none is near (more than a third of the letters differ, at least
// one may).
std::string nearest(std::string_view given, const std::vector<std::string>& known);

// "; did you mean 'matmul'?", or else the whole list if it is short, or else "".
std::string did_you_mean(std::string_view given, const std::vector<std::string>& known);

}  // namespace weft
