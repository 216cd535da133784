// Edit distance and suggestions.
#include "ir/text/suggest.h"

#include <algorithm>

#include "ir/error.h"

namespace weft {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Rows i-2, i-1 and i of the table of distances between prefixes.
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::string nearest(std::string_view given, const std::vector<std::string>& known) {
  constexpr std::size_t longest = 100;  // of a mistyped name: the table of distances grows with the square
  if (given.size() > longest) return "";
  std::string best;
  std::size_t least = std::max<std::size_t>(1, given.size() / 3) + 1;
  for (const std::string& name : known) {
    if (name.size() >= given.size() + least) continue;
    const std::size_t distance = edit_distance(given, name);
    if (distance >= least || distance >= given.size()) continue;
    least = distance;
    best = name;
  }
  return best;
}

std::string did_you_mean(std::string_view given, const std::vector<std::string>& known) {
  constexpr std::size_t kShort = 12;
  const std::string best = nearest(given, known);
  if (!best.empty()) return fmt::format("; did you mean '{}'?", best);
  if (!known.empty() && known.size() <= kShort) return fmt::format("; known: {}", fmt::join(known, ", "));
  return "";
}

}  // namespace weft
