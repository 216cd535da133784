// Compares numbers by their bits: == does not find NaN, and equates -0 with 0.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace weft {

// A number as a search key.
inline std::uint64_t bits_of(double number) { return std::bit_cast<std::uint64_t>(number); }

// Whether all numbers have the same bits.
inline bool is_uniform(const std::vector<double>& numbers) {
  return std::all_of(numbers.begin(), numbers.end(),
                     [&](double each) { return bits_of(each) == bits_of(numbers.front()); });
}

}  // namespace weft
