// Counts the allocations of a stretch of code, by standing before the C library's malloc.
#pragma once

#include <functional>

namespace weft::test {

struct Allocations {
  bool counted = true;  // false under a sanitizer, which stands there itself
  int ours = 0;
  int inside_onednn = 0;  // its execute makes a small map of its arguments each time, which no caller can prevent
};

Allocations count_allocations(const std::function<void()>& work);

}  // namespace weft::test
