// Error texts and nesting depth.
#include "runtime/json_text.h"

namespace weft::runtime {

std::string json_reason(const nlohmann::json::exception& error) {
  constexpr std::size_t most = 200;
  std::string_view text = error.what();  // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
  if (const std::size_t end = text.find("] "); text.starts_with("[json.exception.") && end != std::string_view::npos)
    text.remove_prefix(end + 2);
  return shortened(visible(text), most);
}

void check_json_text(std::string_view text) {
  constexpr int deepest = 64;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\0') fail("it holds the byte 0");
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\') ++i;
    if (in_string) continue;
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (depth > deepest) fail("its brackets are nested deeper than {}", deepest);
  }
}

}  // namespace weft::runtime
