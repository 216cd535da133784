// What fuzz targets share. A target is a function over bytes, LLVMFuzzerTestOneInput; a reader may answer them with a
// weft::Error. Any other exception ends the program, as does what the sanitizers find: both are findings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "ir/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace weft::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A file in memory that holds the bytes, for readers that take a path.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::filesystem::path path() const;

 private:
  int descriptor_ = -1;
};

// A folder in memory (/dev/shm) that goes away with the process, for readers that look at several files.
const std::filesystem::path& memory_folder();
void write(const std::filesystem::path& path, std::string_view bytes);

// The input's parts, which stand between lines "%%%%": for readers of several files.
std::string_view take_part(std::string_view& rest);

// Ends the program with a text: what the target asks for does not hold.
[[noreturn]] void finding(std::string_view what, std::string_view detail = "");
inline void need(bool condition, std::string_view what, std::string_view detail = "") {
  if (!condition) finding(what, detail);
}

// A message that no terminal could show is a finding too.
void check_message(std::string_view message);

// Whether `read` took the input; where it threw Error, that it is a good one.
template <typename Read>
bool accepts(Read read) {
  try {
    read();
    return true;
  } catch (const Error& error) {
    check_message(error.what());
    return false;
  }
}

}  // namespace weft::fuzz
