// PNG files; with a repaired checksum in each chunk, so that a mutation reaches what lies behind it.
#include "training/data/png.h"

#include <zlib.h>

#include "tests/fuzz/input.h"

namespace {

// The bytes with the checksum that each chunk ought to have.
std::string with_checksums(std::string bytes) {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at])); };
  for (std::size_t at = 8; bytes.size() >= 12 && at <= bytes.size() - 12;) {
    const std::size_t length = byte(at) << 24 | byte(at + 1) << 16 | byte(at + 2) << 8 | byte(at + 3);
    if (length > bytes.size() - at - 12) break;
    const auto sum = crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()) + at + 4, length + 4);
    for (std::size_t i = 0; i < 4; ++i) bytes[at + 8 + length + i] = static_cast<char>(sum >> (24 - 8 * i));
    at += 12 + length;
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  const std::string_view bytes = fuzz::text_of(data, size);
  for (const std::string& file : {std::string(bytes), with_checksums(std::string(bytes))}) {
    training::Image image;
    if (!fuzz::accepts([&] { image = training::decode_png(file, "input"); })) continue;
    // No file is a picture with another after it, or without its end.
    fuzz::need(!fuzz::accepts([&] { training::decode_png(file + "x", "longer"); }), "bytes after the end are taken");
    fuzz::need(!fuzz::accepts([&] { training::decode_png(file.substr(0, file.size() - 12), "shorter"); }),
               "a picture without IEND is taken");
    if (image.pixels.size() > 100'000) continue;
    fuzz::need(training::decode_png(training::encode_png(image), "again") == image, "a picture changes by a copy");
  }
  return 0;
}
