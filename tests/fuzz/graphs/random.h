// The random source of the fuzzer: a seed gives the same numbers on every machine, which the distributions of the
// standard library do not promise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

namespace weft::fuzz {

// SplitMix64 (Steele, Lea, Flood 2014).
constexpr std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() { return mix(state_ += 0x9E3779B97F4A7C15u); }
  std::size_t below(std::size_t count) { return std::size_t(((next() >> 32) * std::uint64_t(count)) >> 32); }
  std::int64_t between(std::int64_t low, std::int64_t high) {  // both included
    return low + std::int64_t(below(std::size_t(high - low + 1)));
  }
  bool chance(int percent) { return below(100) < std::size_t(percent); }
  double unit() { return double(next() >> 11) * 0x1p-53; }  // [0, 1)

  template <typename List>
  const auto& pick(const List& list) {
    return *std::next(std::begin(list), std::ptrdiff_t(below(std::size(list))));
  }

 private:
  std::uint64_t state_;
};

}  // namespace weft::fuzz
