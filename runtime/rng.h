// Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011). A number is a pure function of (seed, stream,
// step, element): the same bits on every backend, thread count, fusion level and restart.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace weft::runtime {

using PhiloxBlock = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

// Ten rounds of Philox4x32 exactly as published.
constexpr PhiloxBlock philox4x32(PhiloxBlock counter, PhiloxKey key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product0)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

// Position in the random sequence: `stream` distinguishes the ops of a graph, `step` its runs.
struct RandomSource {
  std::uint64_t seed = 0;
  std::uint32_t stream = 0;
  std::uint64_t step = 0;
};

// The four words of one element: key = seed (low, high), counter = {element, stream, step low, step high}.
constexpr PhiloxBlock random_block(const RandomSource& source, std::uint32_t element) {
  return philox4x32(
      {element, source.stream, static_cast<std::uint32_t>(source.step), static_cast<std::uint32_t>(source.step >> 32)},
      {static_cast<std::uint32_t>(source.seed), static_cast<std::uint32_t>(source.seed >> 32)});
}

// In [0, 1): 24 bits, so exact in a float and never rounded up to 1.
template <typename T = float>
constexpr T uniform_from_word(std::uint32_t word) {
  return static_cast<T>(word >> 8) * static_cast<T>(0x1p-24);
}

// Box-Muller, cosine half only: an element needs one block and no neighbour. Finite, |z| <= 5.77, because the logarithm
// is of (0, 1].
template <typename T = float>
T normal_from_words(std::uint32_t word0, std::uint32_t word1) {
  const T u1 = static_cast<T>((word0 >> 8) + 1) * static_cast<T>(0x1p-24);
  const T u2 = uniform_from_word<T>(word1);
  return std::sqrt(T{-2} * std::log(u1)) * std::cos(static_cast<T>(6.283185307179586) * u2);
}

// Uniform in [0, 1).
template <typename T = float>
constexpr T uniform(const RandomSource& source, std::uint32_t element) {
  return uniform_from_word<T>(random_block(source, element)[0]);
}

// Normal with mean 0 and variance 1.
template <typename T = float>
T normal(const RandomSource& source, std::uint32_t element) {
  const PhiloxBlock block = random_block(source, element);
  return normal_from_words<T>(block[0], block[1]);
}

}  // namespace weft::runtime
