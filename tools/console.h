// What commands say: results on stdout, everything else on stderr.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

namespace weft::tools {

// A line on stderr that begins with "weft: warning: ".
template <typename... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  fmt::print(stderr, "weft: warning: {}\n", fmt::format(format, std::forward<Args>(args)...));
}

// "1,234,567"
std::string grouped(std::int64_t number);
// "3.2 MB", "640 bytes"
std::string bytes_text(double bytes);
// "0.8 s", "2:05", "1:02:03"
std::string duration_text(double seconds);

}  // namespace weft::tools
