// Finds the largest number that fits.
#pragma once

#include <cstdint>
#include <functional>

namespace weft::tools {

// The largest n in 1..2^30 for which `fits` holds, if it holds for all smaller numbers; 0 if it fails for 1.
std::int64_t largest_that_fits(const std::function<bool(std::int64_t)>& fits);

}  // namespace weft::tools
