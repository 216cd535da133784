// Writes values of the tables as C.
#include "backends/aot/c_text.h"

namespace weft::aot {

std::string c_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '\n')
      result += "\\n\"\n    \"";
    else if (c == '"' || c == '\\')
      result += {'\\', c};
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      result += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    else
      result += c;
  }
  return result + "\"";
}

// A float constant needs a point or an exponent before its f.
std::string float_text(float value) {
  std::string text = fmt::format("{:.9g}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text + "f";
}

std::string list_text(const std::string& type, const std::string& name, const std::vector<std::string>& rows) {
  if (rows.empty()) return "";
  return fmt::format("static const {} {}[] = {{\n    {}}};\n", type, name, fmt::join(rows, ",\n    "));
}

std::string list_or_null(bool empty, const std::string& name) { return empty ? "0" : name; }

std::string embedded_text(const std::string& symbol, const std::string& path) {
  return fmt::format(
      "__asm__(\".pushsection .rodata\\n.balign 64\\n{0}:\\n.incbin \\\"{1}\\\"\\n.popsection\\n\");\n"
      "extern const unsigned char {0}[] __attribute__((visibility(\"hidden\")));\n",
      symbol, path);
}

}  // namespace weft::aot
