// libpng's simplified interface: it reports errors in a struct, so no setjmp crosses C++ objects.
#include "training/png.h"

#include <png.h>

#include "ir/error.h"
#include "runtime/atomic_file.h"

namespace weft::training {

namespace {

// Frees what libpng holds, on every way out.
struct PngImage : png_image {
  PngImage() : png_image{} { version = PNG_IMAGE_VERSION; }
  ~PngImage() { png_image_free(this); }
  PngImage(const PngImage&) = delete;
  PngImage& operator=(const PngImage&) = delete;
};

void check_picture(const Picture& picture) {
  const auto [width, height, channels, pixels] = picture;
  if (width <= 0 || height <= 0 || (channels != 1 && channels != 3) ||
      pixels.size() !=
          static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * static_cast<std::size_t>(channels)) {
    fail("cannot encode a picture of {}x{} pixels, {} channels and {} bytes as PNG", width, height, channels,
         pixels.size());
  }
}

[[noreturn]] void fail_damaged(std::string_view name, const char* reason) {
  fail("{}: not a readable PNG ({}); the file is damaged or of another format", name, reason);
}

}  // namespace

std::string encode_png(const Picture& picture) {
  check_picture(picture);
  PngImage image;
  image.width = static_cast<png_uint_32>(picture.width);
  image.height = static_cast<png_uint_32>(picture.height);
  image.format = picture.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::string bytes(size, '\0');
  if (!png_image_write_to_memory(&image, bytes.data(), &size, 0, picture.pixels.data(), 0, nullptr)) {
    fail("cannot encode a picture as PNG: {}", image.message);
  }
  bytes.resize(size);
  return bytes;
}

Picture decode_png(std::string_view bytes, std::string_view name) {
  constexpr std::uint64_t most_pixels = std::uint64_t{64} << 20;
  PngImage image;
  if (!png_image_begin_read_from_memory(&image, bytes.data(), bytes.size())) fail_damaged(name, image.message);
  if (std::uint64_t{image.width} * image.height > most_pixels) {
    fail("{}: {}x{} pixels are more than the 64 megapixels Weft reads; scale it down", name, image.width, image.height);
  }
  const bool colour = image.format & PNG_FORMAT_FLAG_COLOR;
  image.format = colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  Picture picture{static_cast<int>(image.width), static_cast<int>(image.height), colour ? 3 : 1, {}};
  picture.pixels.resize(PNG_IMAGE_SIZE(image));
  image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;  // 16 bits are scaled to 8, as they are
  const png_color black{};
  if (!png_image_finish_read(&image, &black, picture.pixels.data(), 0, nullptr)) fail_damaged(name, image.message);
  return picture;
}

void write_png(const std::filesystem::path& path, const Picture& picture) {
  runtime::write_file(path, encode_png(picture));
}

Picture read_png(const std::filesystem::path& path) { return decode_png(runtime::read_file(path), path.string()); }

}  // namespace weft::training
