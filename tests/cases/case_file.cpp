// Reads and writes files of text cases.
#include "tests/cases/case_file.h"

#include <fstream>
#include <sstream>

#include "ir/error.h"

namespace weft::test {

namespace {

constexpr std::string_view kExpect = "// expect:";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// What follows `// key:` or is all of `// key`.
std::optional<std::pair<std::string, std::string>> heading_line(std::string_view line) {
  if (line.substr(0, 3) != "// ") return {};
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {{std::string(trim(line.substr(3))), ""}};
  return {{std::string(trim(line.substr(3, colon - 3))), std::string(trim(line.substr(colon + 1)))}};
}

// Blank lines at both ends go.
std::string trim_lines(const std::string& text) {
  const std::string_view trimmed = trim(text);
  return trimmed.empty() ? "" : std::string(trimmed) + "\n";
}

enum class Part { comments, heading, input, expectation };

class Reader {
 public:
  explicit Reader(CaseFile& file) : file_(file) {}

  void line(const std::string& text) {
    ++number_;
    const auto key = heading_line(text);
    if (key && key->first == "case") {
      finish();
      file_.cases.emplace_back();
      last().file = file_.path;
      last().line = number_;
      last().name = key->second;
      if (key->second.empty()) fail("{}:{}: a case needs a name", file_.path.string(), number_);
      part_ = Part::heading;
      return;
    }
    if (text == kExpect && part_ != Part::comments) {
      last().has_expectation = true;
      part_ = Part::expectation;
      return;
    }
    switch (part_) {
      case Part::comments:
        comment(text);
        return;
      case Part::heading:
        if (key) {
          last().heading.push_back(*key);
          return;
        }
        part_ = Part::input;
        last().input += text + "\n";
        return;
      case Part::input:
        last().input += text + "\n";
        return;
      case Part::expectation:
        last().expected += text + "\n";
        return;
    }
  }

  void finish() {
    if (file_.cases.empty()) return;
    last().input = trim_lines(last().input);
    last().expected = last().has_expectation ? trim_lines(last().expected) : last().input;
  }

 private:
  Case& last() { return file_.cases.back(); }

  void comment(const std::string& text) {
    if (!trim(text).empty() && text.substr(0, 2) != "//")
      fail("{}:{}: text before the first '// case: name'", file_.path.string(), number_);
    file_.comments += text + "\n";
  }

  CaseFile& file_;
  Part part_ = Part::comments;
  int number_ = 0;
};

}  // namespace

std::optional<std::string> Case::find(std::string_view key) const {
  for (const auto& [each, value] : heading)
    if (each == key) return value;
  return {};
}

std::string Case::place() const { return fmt::format("{}:{}: case '{}'", file.string(), line, name); }

CaseFile read_case_file(const std::filesystem::path& path) {
  std::ifstream stream(path);
  if (!stream) fail("cannot read {}", path.string());
  CaseFile file;
  file.path = path;
  Reader reader(file);
  for (std::string line; std::getline(stream, line);) reader.line(line);
  reader.finish();
  if (file.cases.empty()) fail("{}: holds no '// case: name'", path.string());
  return file;
}

std::string to_text(const CaseFile& file) {
  std::string text = trim_lines(file.comments);
  for (const Case& each : file.cases) {
    if (!text.empty()) text += "\n";
    text += fmt::format("// case: {}\n", each.name);
    for (const auto& [key, value] : each.heading)
      text += value.empty() ? fmt::format("// {}\n", key) : fmt::format("// {}: {}\n", key, value);
    text += each.input;
    if (each.has_expectation) text += fmt::format("{}\n{}", kExpect, each.expected);
  }
  return text;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream{std::string(text)};
  for (std::string part; std::getline(stream, part, separator);)
    if (const std::string_view trimmed = trim(part); !trimmed.empty()) parts.emplace_back(trimmed);
  return parts;
}

}  // namespace weft::test
