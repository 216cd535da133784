// Windows: reductions that `fuse` and the kernels below it treat as rows of a few elements.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weft::ir {

inline constexpr std::int64_t kLargestWindow = 64;

// Whether a reduction over `axes` of a space of these sizes reduces windows: few elements per window, many windows, and
// whole vectors of windows side by side, because the innermost dim stays. An example is the pooling of channels-last
// images.
inline bool is_window(const std::vector<std::int64_t>& sizes, const std::vector<std::int64_t>& axes) {
  std::size_t inner = sizes.size();
  while (inner > 0 && sizes[inner - 1] == 1) --inner;
  std::int64_t window = 1, windows = 1;
  for (std::size_t i = 0; i < inner; ++i) {
    const bool reduced = std::find(axes.begin(), axes.end(), std::int64_t(i)) != axes.end();
    if (reduced && i + 1 == inner) return false;
    if (i + 1 != inner) (reduced ? window : windows) *= sizes[i];
  }
  return window > 1 && window <= kLargestWindow && windows > 1;
}

}  // namespace weft::ir
