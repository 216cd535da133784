// Counts the allocations of a piece of code by replacing the C library's malloc.
#pragma once

#include <functional>

namespace weft::test {

struct Allocations {
  bool counted = true;  // false under a sanitizer, which replaces malloc itself
  int ours = 0;
  int inside_onednn = 0;  // its execute allocates a small map of arguments each time
};

Allocations count_allocations(const std::function<void()>& work);

}  // namespace weft::test
