// Searching for the largest number that still fits.
#pragma once

#include <cstdint>
#include <functional>

namespace weft::tools {

// The largest n of 1..2^30 that `fits`, where all below it fit too; 0 where 1 does not.
std::int64_t largest_that_fits(const std::function<bool(std::int64_t)>& fits);

}  // namespace weft::tools
