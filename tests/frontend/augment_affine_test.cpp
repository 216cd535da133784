// Augmentations that move pixels: exact values where the change is known, else statistics.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tests/frontend/augmented.h"

using namespace weft;
using namespace weft::test;

TEST_CASE("rotate90 turns anticlockwise and copies pixels exactly") {
  for (const int size : {1, 2, 3, 5, 28}) {
    CAPTURE(size);
    const Dims dims{5, 2, size, size};
    const Numbers x = picture(count(dims));
    const Numbers y = changed(dims, x, [](Tensor t) { return rotate90(t, turns_of({0, 1, 2, 3, -1})); });
    Numbers expected;
    for (int n = 0; n < 5; ++n)
      for (int c = 0; c < 2; ++c)
        for (int row = 0; row < size; ++row)
          for (int column = 0; column < size; ++column) {
            int from_row = row, from_column = column;
            for (int turn = 0; turn < (n == 4 ? 3 : n); ++turn) {  // of the result, one turn back each
              const int next = size - 1 - from_row;
              from_row = from_column;
              from_column = next;
            }
            expected.push_back(x[std::size_t(((n * 2 + c) * size + from_row) * size + from_column)]);
          }
    CHECK(y == expected);
  }
}

TEST_CASE("rotation_batch holds all four turns of each picture and their labels") {
  const ir::Graph graph = graph_of(Mode::train, [](Entry& entry) {
    const Rotations rotations = rotation_batch(entry.input("x", {B, 1, 2, 2}));
    entry.output("pictures", rotations.images);
    entry.output("labels", rotations.labels);
  });
  const Named y = evaluate(graph, {{"B", 2}}, {{"x", {1, 2, 3, 4, 5, 6, 7, 8}}});
  CHECK(y.at("labels") == Numbers{0, 1, 2, 3, 0, 1, 2, 3});
  CHECK(y.at("pictures") == Numbers{1, 2, 3, 4, 2, 4, 1, 3, 4, 3, 2, 1, 3, 1, 4, 2,  //
                                    5, 6, 7, 8, 6, 8, 5, 7, 8, 7, 6, 5, 7, 5, 8, 6});
}

TEST_CASE("flips copy pixels exactly, about as often as asked") {
  const Dims dims{400, 1, 2, 3};
  const Numbers x = picture(count(dims));
  const auto flipped = [&](const Numbers& y) {
    int flips = 0;
    for (std::size_t n = 0; n < 400; ++n) {
      const bool same = std::equal(x.begin() + std::ptrdiff_t(6 * n), x.begin() + std::ptrdiff_t(6 * n + 6),
                                   y.begin() + std::ptrdiff_t(6 * n));
      for (std::size_t row = 0; row < 2; ++row)
        for (std::size_t column = 0; column < 3; ++column)
          CHECK(y[6 * n + 3 * row + column] == x[6 * n + 3 * row + (same ? column : 2 - column)]);
      flips += !same;
    }
    return flips;
  };
  const int half = flipped(changed(dims, x, [](Tensor t) { return random_flip(t); }));
  CHECK(half > 150);
  CHECK(half < 250);
  CHECK(flipped(changed(dims, x, [](Tensor t) { return random_flip(t, 1); })) == 400);
  CHECK(flipped(changed(dims, x, [](Tensor t) { return random_flip(t, 0); })) == 0);
  CHECK(changed({1, 1, 2, 2}, {1, 2, 3, 4}, [](Tensor t) { return Affine(t).flip_vertically(1).sample(t); }) ==
        Numbers{3, 4, 1, 2});
}

TEST_CASE("a crop of everything, no variation and no map are the picture itself") {
  const Dims dims{2, 3, 5, 7};
  const Numbers x = picture(count(dims));
  CHECK(changed(dims, x, [](Tensor t) { return Affine(t).sample(t); }) == x);
  check_close(changed(dims, x, [](Tensor t) { return random_affine(t, {}); }), x);
  // The ratio is of pixels, so that a whole picture of 5 x 7 has 7/5.
  const Crop whole{{1, 1}, {7.0 / 5, 7.0 / 5}};
  check_close(changed(dims, x, [&](Tensor t) { return random_resized_crop(t, whole); }), x);
}

TEST_CASE("a crop shows a part of the picture and nothing from outside") {
  const Dims dims{64, 1, 8, 8};
  Numbers ramp;  // brightness is 1 + column
  for (std::int64_t i = 0; i < count(dims); ++i) ramp.push_back(double(1 + i % 8));
  const Numbers y = changed(dims, ramp, [](Tensor t) { return random_resized_crop(t, {{0.25, 0.25}, {1, 1}}); });
  double least = 1e9, most = -1e9;
  for (std::size_t n = 0; n < 64; ++n) {
    const double* row = &y[64 * n];
    least = std::min(least, row[0]);
    most = std::max(most, row[7]);
    for (std::size_t i = 1; i < 8; ++i) CHECK(row[i] - row[i - 1] == doctest::Approx(0.5));  // half the side
  }
  CHECK(least >= 1);
  CHECK(least < 1.3);
  CHECK(most <= 8 + 1e-12);
  CHECK(most > 7.7);
}

TEST_CASE("rotation, scale and translation move a pixel where torchvision does") {
  // One bright pixel right of the middle of 9 x 9.
  const Dims dims{1, 1, 9, 9};
  Numbers x(81, 0.0);
  x[4 * 9 + 7] = 1;
  const auto brightest = [&](const Change& change, double seed) {
    const Numbers y = changed(dims, x, change, seed);
    return std::max_element(y.begin(), y.end()) - y.begin();
  };
  // Within a quarter turn either way the pixel stays on its circle, and comes to both sides.
  bool above = false, below = false;
  for (int seed = 0; seed < 20; ++seed) {
    const auto at = brightest([](Tensor t) { return random_affine(t, {.degrees = 90}); }, seed);
    const double row = double(at / 9) - 4, column = double(at % 9) - 4;
    CHECK(std::hypot(row, column) == doctest::Approx(3).epsilon(0.2));
    above = above || row < 0;
    below = below || row > 0;
  }
  CHECK(above);
  CHECK(below);
  CHECK(brightest([](Tensor t) { return random_affine(t, {.scale = {1.0 / 3, 1.0 / 3}}); }, 1) == 4 * 9 + 5);
  // Two maps compose in the order of the calls: first the flip, then the shrinking.
  CHECK(brightest(
            [](Tensor t) {
              return Affine(t).flip(1).vary({.scale = {1.0 / 3, 1.0 / 3}}).sample(t);
            },
            1) == 4 * 9 + 3);
  const Numbers moved = changed(dims, x, [](Tensor t) { return random_affine(t, {.translate_x = 0.1}); });
  CHECK(std::abs(mean_of(moved) * 81 - 1) < 1e-9);  // all of it, in the same row
  double in_row = 0;
  for (std::size_t i = 36; i < 45; ++i) in_row += moved[i];
  CHECK(in_row == doctest::Approx(1));
}

TEST_CASE("a rotation and a scale keep their relations in pixels, whatever the shape of the picture") {
  const ir::Graph graph = graph_of(Mode::train, [](Entry& entry) {
    const Tensor x = entry.input("x", {50, 1, 4, 8});
    entry.output("theta", Affine(x).vary({.degrees = 30, .scale = {2, 2}}).theta());
  });
  const Numbers theta = evaluate(graph, {}, {{"x", Numbers(50 * 32, 0)}, {"rng", {7, 0, 0, 0}}}).at("theta");
  double largest = 0;
  for (std::size_t n = 0; n < 50; ++n) {
    const double* t = &theta[6 * n];
    CHECK(t[0] == doctest::Approx(t[4]));
    CHECK(t[1] * 2 == doctest::Approx(-t[3] / 2));  // aspect 1/2 one way, 2 the other
    CHECK(t[0] * t[4] - t[1] * t[3] == doctest::Approx(0.25));
    largest = std::max(largest, std::abs(std::atan2(t[3] / 2, t[0])));
    CHECK(t[2] == 0);
    CHECK(t[5] == 0);
  }
  CHECK(largest <= std::numbers::pi / 6 + 1e-12);
  CHECK(largest > std::numbers::pi / 8);
}
