// Uses libpng's simplified interface, which reports errors in a struct, so no setjmp crosses C++ objects. It stops
// reading at the last row, so this file checks the chunks up to IEND.
#include "training/data/png.h"

#include <png.h>
#include <zlib.h>

#include "ir/error.h"
#include "runtime/atomic_file.h"

namespace weft::training {

namespace {

// Frees the memory of libpng on every exit.
struct PngImage : png_image {
  PngImage() : png_image{} { version = PNG_IMAGE_VERSION; }
  ~PngImage() { png_image_free(this); }
  PngImage(const PngImage&) = delete;
  PngImage& operator=(const PngImage&) = delete;
};

void check_image(const Image& image) {
  const auto [width, height, channels, pixels] = image;
  if (width <= 0 || height <= 0 || (channels != 1 && channels != 3) ||
      pixels.size() !=
          static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * static_cast<std::size_t>(channels)) {
    fail("cannot encode an image of {}x{} pixels, {} channels and {} bytes as PNG", width, height, channels,
         pixels.size());
  }
}

[[noreturn]] void fail_damaged(std::string_view name, std::string_view reason) {
  fail("{}: not a readable PNG ({}); the file is damaged or of another format", name, reason);
}

// Big-endian, as all numbers in a PNG.
std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
  return number;
}

// Checks that every chunk is complete and has its checksum, and that the last is IEND. Returns the number of bytes in
// IDAT chunks.
std::uint64_t check_chunks(std::string_view bytes, std::string_view name) {
  constexpr std::string_view signature = "\x89PNG\r\n\x1a\n";
  constexpr std::size_t around = 12;  // length, type and checksum
  if (!bytes.starts_with(signature)) fail_damaged(name, "it lacks the signature of a PNG");
  std::uint64_t data_bytes = 0;
  std::size_t at = signature.size();
  for (std::string_view type; type != "IEND";) {
    if (at == bytes.size()) fail_damaged(name, "it ends without the chunk IEND");
    if (bytes.size() - at < around || number_at(bytes, at) > bytes.size() - at - around)
      fail_damaged(name, "it ends inside a chunk");
    const std::size_t length = number_at(bytes, at);
    type = bytes.substr(at + 4, 4);
    const auto* checked = reinterpret_cast<const unsigned char*>(bytes.data() + at + 4);
    if (crc32_z(0, checked, 4 + length) != number_at(bytes, at + 8 + length))
      fail_damaged(name, "the checksum of a chunk is wrong");
    if (type == "IDAT") data_bytes += length;
    at += around + length;
  }
  if (at != bytes.size()) fail_damaged(name, "bytes follow its end");
  return data_bytes;
}

// Checks that `data_bytes` can hold the pixels, before allocating them. Deflate packs at most 1032 bytes into one.
bool can_hold_pixels(std::uint64_t data_bytes, const png_image& png, std::string_view bytes) {
  constexpr std::size_t depth_at = 24;
  const auto depth = static_cast<unsigned char>(bytes[depth_at]);  // bits per channel; a pixel has at least one
  return std::uint64_t{png.width} * png.height * depth / 8 <= data_bytes * 1032;
}

}  // namespace

std::string encode_png(const Image& image) {
  check_image(image);
  PngImage png;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = image.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(png);
  std::string bytes(size, '\0');
  if (!png_image_write_to_memory(&png, bytes.data(), &size, 0, image.pixels.data(), 0, nullptr)) {
    fail("cannot encode an image as PNG: {}", png.message);
  }
  bytes.resize(size);
  return bytes;
}

Image decode_png(std::string_view bytes, std::string_view name) {
  constexpr std::uint64_t most_pixels = std::uint64_t{64} << 20;
  const std::uint64_t data_bytes = check_chunks(bytes, name);
  PngImage png;
  if (!png_image_begin_read_from_memory(&png, bytes.data(), bytes.size())) fail_damaged(name, png.message);
  if (std::uint64_t{png.width} * png.height > most_pixels) {
    fail("{}: {}x{} pixels are more than the 64 megapixels Weft reads; scale it down", name, png.width, png.height);
  }
  if (!can_hold_pixels(data_bytes, png, bytes))
    fail_damaged(name, fmt::format("{} bytes cannot hold {}x{} pixels", data_bytes, png.width, png.height));
  const bool colour = png.format & PNG_FORMAT_FLAG_COLOR;
  png.format = colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  Image image{static_cast<int>(png.width), static_cast<int>(png.height), colour ? 3 : 1, {}};
  image.pixels.resize(PNG_IMAGE_SIZE(png));
  png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;  // scales 16 bits to 8 without gamma conversion
  const png_color black{};
  if (!png_image_finish_read(&png, &black, image.pixels.data(), 0, nullptr)) fail_damaged(name, png.message);
  return image;
}

void write_png(const std::filesystem::path& path, const Image& image) { runtime::write_file(path, encode_png(image)); }

Image read_png(const std::filesystem::path& path) { return decode_png(runtime::read_file(path), path.string()); }

}  // namespace weft::training
