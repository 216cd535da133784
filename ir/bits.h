// Numbers told apart by their bits: == finds no NaN, and takes -0 for 0.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace weft {

// A number as a key to search by.
inline std::uint64_t bits_of(double number) { return std::bit_cast<std::uint64_t>(number); }

// Whether all are one number.
inline bool is_uniform(const std::vector<double>& numbers) {
  return std::all_of(numbers.begin(), numbers.end(),
                     [&](double each) { return bits_of(each) == bits_of(numbers.front()); });
}

}  // namespace weft
