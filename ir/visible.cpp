// Decoding UTF-8, escaping and shortening.
#include "ir/visible.h"

#include <fmt/format.h>

#include <cstdint>

namespace weft {

namespace {

struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 0;  // 0: not UTF-8
};

// The first character of `text`. Overlong forms, surrogates and codes beyond U+10FFFF are not UTF-8.
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return {byte(0), 1};
  const std::size_t bytes = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (byte(0) < 0xc0 || byte(0) > 0xf7 || text.size() < bytes) return {};
  std::uint32_t code = byte(0) & (0xffU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3f);
  }
  if (code < least[bytes] || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return {};
  return {code, bytes};
}

// Characters that act on their surroundings: controls, line separators, marks and overrides of direction.
bool acts(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c || code == 0x200e || code == 0x200f ||
         (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

std::string escape(std::uint32_t code) {
  if (code == '\n') return "\\n";
  if (code == '\t') return "\\t";
  if (code == '\r') return "\\r";
  return code < 0x80 ? fmt::format("\\x{:02x}", code) : fmt::format("\\u{:04x}", code);
}

// `keeps(rest)` says whether the character at the start of `rest` stays although it acts on its surroundings.
template <typename Keeps>
std::string escaped(std::string_view text, Keeps keeps) {
  std::string result;
  result.reserve(text.size());
  for (std::string_view rest = text; !rest.empty();) {
    const auto [code, bytes] = first_character(rest);
    if (bytes == 0)
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(rest[0]));
    else if (acts(code) && !keeps(rest))
      result += escape(code);
    else
      result += rest.substr(0, bytes);
    rest.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  return result;
}

bool is_inside_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

}  // namespace

std::string visible(std::string_view text) {
  return escaped(text, [](std::string_view) { return false; });
}

std::string visible_lines(std::string_view text) {
  return escaped(text, [](std::string_view rest) { return rest[0] == '\n' || rest[0] == '\t'; });
}

std::string shortened(std::string_view text, std::size_t most) {
  std::size_t characters = 0;
  for (const char byte : text) characters += is_inside_character(byte) ? 0 : 1;
  if (characters <= most || most < 3) return std::string(text);
  const std::size_t kept = (most - 1) / 2;
  std::size_t front = 0, back = text.size();
  for (std::size_t i = 0; i < kept; ++i) do
      ++front;
    while (is_inside_character(text[front]));
  for (std::size_t i = 0; i < most - 1 - kept; ++i) do
      --back;
    while (is_inside_character(text[back]));
  return fmt::format("{}…{}", text.substr(0, front), text.substr(back));
}

std::string brief(std::string_view text) {
  constexpr std::size_t most = 80;
  // Skip what will be cut, which may be megabytes: an escape is at most six bytes long.
  if (text.size() > 64 * most)
    return shortened(visible(text.substr(0, most)) + "…" + visible(text.substr(text.size() - most)), most);
  return shortened(visible(text), most);
}

std::string comment_text(std::string_view text) {
  std::string result = visible(text);
  for (char& c : result)
    if (c == '*' || c == '\\' || c == '?') c = '_';  // "*/", a line continuation, and its trigraph
  return result;
}

std::string visible_message(std::string_view text) {
  constexpr std::size_t most = 800;
  return shortened(escaped(text, [](std::string_view rest) { return rest.starts_with("\n  "); }), most);
}

}  // namespace weft
