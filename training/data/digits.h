// The built-in data set: digits drawn by a simulated pen. Needs no file and no download; a pure function of its seed.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/rng.h"
#include "training/data/dataset.h"

namespace weft::training {

inline constexpr int kDigitSize = 28;         // pixels a side, as in MNIST
inline constexpr int kColourDigitSize = 32;  // as in CIFAR-10

// What --data calls them.
inline constexpr const char* kDigitsName = "digits";
inline constexpr const char* kColourDigitsName = "digits-colour";

struct DigitsOptions {
  std::int64_t train = 20'000;
  std::int64_t validation = 2'000;
  std::int64_t test = 4'000;
  std::uint64_t seed = 0;
  bool colour = false;
};

// Images u8 [N,1,28,28] (0 paper, 255 ink), or u8 [N,3,32,32]: the same digits in coloured ink, somewhere on a ground
// of two other colours that wave into each other. Ten balanced classes in random order. The first images of a split do
// not depend on how many are asked for of the others. Throws Error on a negative count.
DatasetSplits make_digits(const DigitsOptions& options = {});

// Draws one digit (0..9) into 28x28 pixels; `source` decides shape, pose, pen and noise.
// Throws Error where digit or the number of pixels is another.
void render_digit(int digit, const runtime::RandomSource& source, std::span<std::uint8_t> pixels);

}  // namespace weft::training
