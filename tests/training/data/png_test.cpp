// PNG round trips and bad files.
#include "training/data/png.h"

#include <doctest/doctest.h>
#include <png.h>
#include <zlib.h>

#include <algorithm>

#include "runtime/atomic_file.h"
#include "tests/support/temp_folder.h"

namespace weft::training {
namespace {

using test::TempFolder;

Image gradient(int width, int height, int channels) {
  Image image{width, height, channels, {}};
  for (int i = 0; i < width * height * channels; ++i) image.pixels.push_back(static_cast<std::uint8_t>(i * 7));
  return image;
}

// With libpng itself, for kinds that encode_png does not write.
std::string encode_as(png_uint_32 format, const void* pixels, const void* palette = nullptr, unsigned entries = 0) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = image.height = 2;
  image.format = format;
  image.colormap_entries = entries;
  png_alloc_size_t size = 4096;
  std::string bytes(size, '\0');
  REQUIRE(png_image_write_to_memory(&image, bytes.data(), &size, 0, pixels, 0, palette));
  bytes.resize(size);
  return bytes;
}

TEST_CASE("png: round trip of grey and RGB") {
  const TempFolder folder;
  for (const int channels : {1, 3}) {
    const Image image = gradient(13, 7, channels);
    write_png(folder / "a.png", image);
    CHECK(read_png(folder / "a.png") == image);
    CHECK(decode_png(encode_png(image), "memory") == image);
  }
  CHECK(folder.entries() == 1);
}

TEST_CASE("png: a palette becomes RGB") {
  const std::uint8_t indices[] = {0, 1, 1, 0};
  const std::uint8_t palette[] = {255, 0, 0, 0, 0, 255};
  const Image image = decode_png(encode_as(PNG_FORMAT_RGB_COLORMAP, indices, palette, 2), "palette");
  CHECK(image.channels == 3);
  CHECK(image.pixels == std::vector<std::uint8_t>{255, 0, 0, 0, 0, 255, 0, 0, 255, 255, 0, 0});
}

TEST_CASE("png: bad pictures") {
  Image image = gradient(2, 2, 3);
  image.pixels.pop_back();
  CHECK_ERROR(encode_png(image), "2x2 pixels, 3 channels and 11 bytes");
  CHECK_ERROR(encode_png(gradient(0, 2, 1)), "0x2 pixels");
  CHECK_ERROR(encode_png(gradient(2, 2, 4)), "4 channels");
}

TEST_CASE("png: what is transparent is laid over black") {
  std::uint8_t pixels[16];
  for (int i = 0; i < 4; ++i) {
    const std::uint8_t alpha = i % 2 == 0 ? 255 : 0;
    std::copy_n(std::initializer_list<std::uint8_t>{200, 100, 50, alpha}.begin(), 4, pixels + 4 * i);
  }
  const Image image = decode_png(encode_as(PNG_FORMAT_RGBA, pixels), "clear");
  CHECK(image.channels == 3);
  CHECK(std::vector<int>(image.pixels.begin(), image.pixels.begin() + 6) == std::vector<int>{200, 100, 50, 0, 0, 0});
}

TEST_CASE("png: bad files") {
  const TempFolder folder;
  CHECK_ERROR(read_png(folder / "missing.png"), "No such file");
  CHECK_ERROR(read_png(folder.write("a.png", "")), "not a readable PNG");
  CHECK_ERROR(read_png(folder.write("a.png", "GIF89a......")), "a.png: not a readable PNG");
  const std::string good = encode_png(gradient(40, 40, 3));
  CHECK_ERROR(decode_png(good.substr(0, 20), "short header"), "short header: not a readable PNG");
  CHECK_ERROR(decode_png(good.substr(0, good.size() / 2), "half"), "half: not a readable PNG");
  std::string corrupt = good;
  corrupt[18] = '\x7f';  // the width: its checksum no longer fits
  CHECK_ERROR(decode_png(corrupt, "corrupt"), "corrupt: not a readable PNG");
  corrupt = good;
  for (std::size_t i = 50; i < 90; ++i) corrupt[i] = '\xff';
  CHECK_ERROR(decode_png(corrupt, "data"), "data: not a readable PNG");
  const std::size_t end = good.size() - 12;  // where IEND begins
  CHECK_ERROR(decode_png(good.substr(0, end), "open"), "open: not a readable PNG (it ends without the chunk IEND)");
  CHECK_ERROR(decode_png(good.substr(0, end + 5), "cut"), "cut: not a readable PNG (it ends inside a chunk)");
  CHECK_ERROR(decode_png(good + "x", "more"), "more: not a readable PNG (bytes follow its end)");
  CHECK_ERROR(decode_png(good + good, "twice"), "bytes follow its end");
  CHECK_ERROR(decode_png(std::string_view(good).substr(0, 8), "begin"), "it ends without the chunk IEND");
  corrupt = good;
  corrupt[end - 1] ^= 1;  // the checksum of the last data, which libpng does not reach
  CHECK_ERROR(decode_png(corrupt, "sum"), "the checksum of a chunk is wrong");
  CHECK_ERROR(decode_png(encode_png({9000, 9000, 1, std::vector<std::uint8_t>(81'000'000)}), "huge"), "64 megapixels");
  CHECK_ERROR(write_png(folder / "no/a.png", gradient(2, 2, 1)), "create the folder first");
}

// A chunk with its checksum.
std::string chunk(const std::string& type, const std::string& data) {
  const auto number = [](std::uint32_t value) {
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
    return text;
  };
  const std::string checked = type + data;
  const auto sum = crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
  return number(static_cast<std::uint32_t>(data.size())) + checked + number(static_cast<std::uint32_t>(sum));
}

TEST_CASE("png: sizes that the data cannot hold are refused before memory is made for them") {
  std::string header{'\0', '\0', '\x1f', '\0', '\0', '\0', '\x1f', '\0', 8, 2, 0, 0, 0};  // 7936 x 7936, RGB
  std::string file = "\x89PNG\r\n\x1a\n" + chunk("IHDR", header) + chunk("IDAT", "xxxxxxxx") + chunk("IEND", "");
  CHECK_ERROR(decode_png(file, "claim"), "claim: not a readable PNG (8 bytes cannot hold 7936x7936 pixels)");
}

}  // namespace
}  // namespace weft::training
