// Small data sets of random images in MNIST's format.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "tests/support/temp_folder.h"

namespace weft::test {

inline std::string big_endian(std::uint32_t number) {
  return {char(number >> 24), char(number >> 16), char(number >> 8), char(number)};
}

inline std::string idx_images(std::uint32_t count, std::uint32_t side, unsigned seed) {
  std::string bytes = big_endian(0x803) + big_endian(count) + big_endian(side) + big_endian(side);
  for (std::uint32_t i = 0; i < count * side * side; ++i) {
    seed = seed * 1664525 + 1013904223;
    bytes += char(seed >> 24);
  }
  return bytes;
}

inline std::string idx_labels(std::uint32_t count) {
  std::string bytes = big_endian(0x801) + big_endian(count);
  for (std::uint32_t i = 0; i < count; ++i) bytes += char(i % 4);
  return bytes;
}

// Writes a folder of side x side images in 4 classes.
inline void write_idx_folder(const TempFolder& folder, const std::string& name, std::uint32_t side, std::uint32_t train,
                             std::uint32_t test) {
  std::filesystem::create_directories(folder / name);
  const std::string prefix = name + "/";
  folder.write(prefix + "train-images-idx3-ubyte", idx_images(train, side, 1));
  folder.write(prefix + "train-labels-idx1-ubyte", idx_labels(train));
  folder.write(prefix + "t10k-images-idx3-ubyte", idx_images(test, side, 2));
  folder.write(prefix + "t10k-labels-idx1-ubyte", idx_labels(test));
}

}  // namespace weft::test
