// Images of bytes, and PNG files of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace weft::training {

// Rows from the top, channels interleaved (RGBRGB...): pixels.size() == width * height * channels.
struct Image {
  int width = 0;
  int height = 0;
  int channels = 3;  // 1 grey, 3 RGB
  std::vector<std::uint8_t> pixels;

  bool operator==(const Image&) const = default;
};

// The bytes of a PNG file. Throws Error if the sizes of the image do not match or are 0.
std::string encode_png(const Image& image);

// Grey stays grey; RGB and palettes become RGB; transparent pixels are blended with black; 16 bits become 8. Throws
// Error with `name` if the bytes are not a PNG, damaged (a chunk has a wrong checksum), truncated (no IEND), followed
// by other bytes, or larger than 64 megapixels.
Image decode_png(std::string_view bytes, std::string_view name);

// Atomic; see runtime/atomic_file.h.
void write_png(const std::filesystem::path& path, const Image& image);
Image read_png(const std::filesystem::path& path);

}  // namespace weft::training
