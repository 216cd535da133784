// Gzipped files; and the input as contents, packed and then read back.
#include "training/data/gzip.h"

#include <zlib.h>

#include "tests/fuzz/input.h"

namespace {

std::string packed(std::string_view contents) {
  z_stream stream{};
  constexpr int gzip = 16;
  if (deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + gzip, 8, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
  std::string bytes(deflateBound(&stream, contents.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(contents.data()));
  stream.avail_in = static_cast<uInt>(contents.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) std::abort();
  bytes.resize(stream.total_out);
  deflateEnd(&stream);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft;
  const std::string_view bytes = fuzz::text_of(data, size);
  const fuzz::MemoryFile input(bytes);
  std::string read;
  const bool taken = fuzz::accepts([&] { read = training::read_unpacked(input.path()); });
  const bool is_gzip = bytes.starts_with("\x1f\x8b");
  if (!is_gzip) fuzz::need(taken && read == bytes, "a plain file is not read as it is");
  if (is_gzip && taken) {
    const fuzz::MemoryFile longer(std::string(bytes) + "x");
    fuzz::need(!fuzz::accepts([&] { training::read_unpacked(longer.path()); }), "bytes after the end are taken");
    const fuzz::MemoryFile twice(std::string(bytes) + std::string(bytes));
    fuzz::need(training::read_unpacked(twice.path()) == read + read, "two members are not one after the other");
  }
  if (size > 4096) return 0;
  const std::string whole = packed(bytes);
  const fuzz::MemoryFile file(whole);
  fuzz::need(training::read_unpacked(file.path()) == bytes, "what was packed is read as something else");
  const fuzz::MemoryFile shorter(whole.substr(0, whole.size() - 1));
  fuzz::need(!fuzz::accepts([&] { training::read_unpacked(shorter.path()); }), "a file that is cut short is taken");
  return 0;
}
