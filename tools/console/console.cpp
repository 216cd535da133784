// Prints text, and formats numbers for people.
#include "tools/console/console.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>

namespace weft::tools {

// Not fmt::print, which throws if the file is full or closed: a lost line must not end training. tools/main.cpp reports
// write errors of standard output at the end.
void put_text(std::FILE* file, std::string_view text) {
  const std::string visible = visible_lines(text);
  std::fwrite(visible.data(), 1, visible.size(), file);
}

void put_json(const nlohmann::ordered_json& json) {
  constexpr int no_indent = -1;
  constexpr bool ascii = true;
  const std::string text = json.dump(no_indent, ' ', ascii, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
}

std::string grouped(std::int64_t number) {
  std::string digits = fmt::format("{}", number);
  const std::size_t first = digits[0] == '-' ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string bytes_text(double bytes) {
  constexpr std::array units{"kB", "MB", "GB", "TB"};
  if (bytes < 1000) return fmt::format("{:.0f} bytes", bytes);
  std::size_t unit = 0;
  for (bytes /= 1000; bytes >= 999.95 && unit + 1 < units.size(); ++unit) bytes /= 1000;
  return fmt::format("{:.1f} {}", bytes, units[unit]);
}

std::string duration_text(double seconds) {
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = std::llround(seconds);
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace weft::tools
