// Philox against the published vectors, and the distributions made of it.
#include "runtime/rng.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

namespace weft::runtime {

// kat_vectors of Random123, philox4x32-10.
static_assert(philox4x32({0, 0, 0, 0}, {0, 0}) == PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
static_assert(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
              PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
static_assert(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
              PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});

TEST_CASE("rng: counter is {element, stream, step low, step high}, key is the seed") {
  const RandomSource source{0x299f31d0a4093822, 0x85a308d3, 0x0370734413198a2e};
  CHECK(random_block(source, 0x243f6a88) == PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("rng: seed, stream, step and element all matter") {
  const std::set<PhiloxBlock> blocks{random_block({1, 0, 0}, 0),          random_block({0, 1, 0}, 0),
                                     random_block({0, 0, 1}, 0),          random_block({0, 0, 0}, 1),
                                     random_block({1ULL << 32, 0, 0}, 0), random_block({0, 0, 1ULL << 32}, 0)};
  CHECK(blocks.size() == 6);
}

TEST_CASE("rng: the ends of the ranges") {
  CHECK(uniform_from_word(0) == 0);
  CHECK(uniform_from_word(0xffffffff) == 1 - 0x1p-24F);
  CHECK(normal_from_words(0xffffffff, 0) == 0);                                    // log(1)
  CHECK(normal_from_words(0, 0) == doctest::Approx(5.768).epsilon(1e-3));          // log(2^-24), cos(0)
  CHECK(normal_from_words(0, 1U << 31) == doctest::Approx(-5.768).epsilon(1e-3));  // cos(pi)
}

TEST_CASE("rng: moments") {
  constexpr std::uint32_t count = 200'000;
  const RandomSource source{42, 7, 3};
  double uniform_sum = 0;
  double uniform_squares = 0;
  double sum = 0;
  double squares = 0;
  double fourths = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const double u = uniform(source, i);
    const double z = normal(source, i);
    CHECK_MESSAGE((u >= 0 && u < 1), u);
    uniform_sum += u;
    uniform_squares += u * u;
    sum += z;
    squares += z * z;
    fourths += z * z * z * z;
  }
  CHECK(uniform_sum / count == doctest::Approx(.5).epsilon(.005));
  CHECK(uniform_squares / count == doctest::Approx(1. / 3).epsilon(.005));
  CHECK(std::abs(sum / count) < .01);
  CHECK(squares / count == doctest::Approx(1).epsilon(.01));
  CHECK(fourths / count == doctest::Approx(3).epsilon(.03));
}

TEST_CASE("rng: float and double agree") {
  for (std::uint32_t i = 0; i < 1000; ++i) {
    CHECK(normal<float>({9, 1, 2}, i) == doctest::Approx(normal<double>({9, 1, 2}, i)).epsilon(1e-4));
  }
}

}  // namespace weft::runtime
