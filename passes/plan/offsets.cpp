// A segment tree over the steps, numbered as a heap; each node knows which bytes are in use.
#include "passes/plan/offsets.h"

#include <algorithm>

namespace weft::passes {

void Offsets::Ranges::add(std::size_t begin, std::size_t end) {
  auto next = ranges.upper_bound(begin);
  if (next != ranges.begin() && std::prev(next)->second >= begin) {
    --next;
    begin = next->first;
  }
  while (next != ranges.end() && next->first <= end) {
    end = std::max(end, next->second);
    next = ranges.erase(next);
  }
  ranges.emplace_hint(next, begin, end);
}

std::size_t Offsets::Ranges::end_of_clash(std::size_t begin, std::size_t end) const {
  const auto next = ranges.lower_bound(end);
  return next != ranges.begin() && std::prev(next)->second > begin ? std::prev(next)->second : begin;
}

Offsets::Offsets(int steps) {
  while (leaves_ < steps) leaves_ *= 2;
  throughout_.resize(std::size_t(leaves_) * 2);
  sometime_.resize(std::size_t(leaves_) * 2);
}

template <typename Whole, typename Above>
void Offsets::walk(int first, int last, const Whole& whole, const Above& above) {
  const auto visit = [&](const auto& self, std::size_t node, int begin, int end) -> void {
    if (first <= begin && end - 1 <= last) return whole(node);
    above(node);
    const int middle = begin + (end - begin) / 2;
    if (first < middle) self(self, 2 * node, begin, middle);
    if (last >= middle) self(self, 2 * node + 1, middle, end);
  };
  visit(visit, 1, 0, leaves_);
}

std::size_t Offsets::place(std::size_t bytes, int first, int last) {
  std::vector<const Ranges*> in_use;
  walk(
      first, last, [&](std::size_t node) { in_use.push_back(&sometime_[node]); },
      [&](std::size_t node) { in_use.push_back(&throughout_[node]); });
  std::size_t offset = 0;
  for (bool clashes = true; clashes;) {
    clashes = false;
    for (const Ranges* each : in_use) {
      const std::size_t end = each->end_of_clash(offset, offset + bytes);
      clashes = clashes || end != offset;
      offset = end;
    }
  }
  walk(
      first, last,
      [&](std::size_t node) {
        throughout_[node].add(offset, offset + bytes);
        sometime_[node].add(offset, offset + bytes);
      },
      [&](std::size_t node) { sometime_[node].add(offset, offset + bytes); });
  return offset;
}

}  // namespace weft::passes
