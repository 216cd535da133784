// The built-in data set: digits drawn by a simulated pen. It needs no files and is a pure function of its seed.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/rng.h"
#include "training/data/dataset.h"

namespace weft::training {

inline constexpr int kDigitSize = 28;        // pixels per side, as in MNIST
inline constexpr int kColourDigitSize = 32;  // as in CIFAR-10

// Their names for --data.
inline constexpr const char* kDigitsName = "digits";
inline constexpr const char* kColourDigitsName = "digits-colour";

struct DigitsOptions {
  std::int64_t train = 20'000;
  std::int64_t validation = 2'000;
  std::int64_t test = 4'000;
  std::uint64_t seed = 0;
  bool colour = false;
};

// Images u8 [N,1,28,28] (0 paper, 255 ink), or u8 [N,3,32,32]: the same digits in coloured ink, at a random place on a
// wavy background of two other colours. Ten balanced classes in random order. An image depends only on the seed, its
// split and its index. Throws Error on a negative count.
DatasetSplits make_digits(const DigitsOptions& options = {});

// Draws one digit into 28x28 pixels; `source` determines shape, pose, pen and noise.
// Throws Error unless digit is 0 to 9 and there are 28x28 pixels.
void render_digit(int digit, const runtime::RandomSource& source, std::span<std::uint8_t> pixels);

}  // namespace weft::training
