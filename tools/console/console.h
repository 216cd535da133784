// Output of commands: results go to stdout, everything else to stderr. These functions make text from files or the user
// visible (ir/visible.h); commands print only through them.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "ir/visible.h"

namespace weft::tools {

// Text that keeps its line breaks, such as IR and help.
void put_text(std::FILE* file, std::string_view text);

// The object as one line of ASCII on stdout; invalid UTF-8 becomes U+FFFD.
void put_json(const nlohmann::ordered_json& json);

// A string on one line; other values unchanged.
template <typename T>
decltype(auto) one_line(const T& value) {
  if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>)
    return visible(value);
  else
    return (value);
}

template <typename... Args>
void put(std::FILE* file, fmt::format_string<Args...> format, Args&&... args) {
  put_text(file, fmt::format(fmt::runtime(format), one_line(args)...));
}
template <typename... Args>
void put(fmt::format_string<Args...> format, Args&&... args) {
  put(stdout, format, std::forward<Args>(args)...);
}

// A line on stderr with the prefix "weft: warning: ".
template <typename... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  put_text(stderr, "weft: warning: " + visible_message(fmt::format(format, std::forward<Args>(args)...)) + "\n");
}

// "1,234,567"
std::string grouped(std::int64_t number);
// "3.2 MB", "640 bytes"
std::string bytes_text(double bytes);
// "0.8 s", "2:05", "1:02:03"
std::string duration_text(double seconds);

}  // namespace weft::tools
