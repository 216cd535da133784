// docs/reference/api.md is made from the headers that models include; WEFT_BLESS=1 rewrites it.
#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

const std::filesystem::path kRoot = WEFT_SOURCE_DIR;
constexpr const char* kPage = "docs/reference/api.md";
constexpr const char* kHead =
    "# API\n\n"
    "What a model includes by `<weft/weft.h>`, and `<weft/main.h>` for its program: the headers as they are, without "
    "what is\n"
    "private. [The DSL](dsl.md) says how the parts work together. This page is generated: change a header, and run\n"
    "`WEFT_BLESS=1 build/release/bin/test_includes`.\n";

// In the order in which a reader needs them.
const std::vector<std::string> kHeaders = {"frontend/tensor.h",      "frontend/entry.h",  "frontend/ops.h",
                                           "frontend/activations.h", "frontend/losses.h", "frontend/layers.h",
                                           "frontend/init.h",        "frontend/affine.h", "frontend/augment.h",
                                           "frontend/model.h",       "tools/main.h"};

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

bool is_scaffolding(std::string_view line) {
  for (const std::string_view start : {"#pragma", "#include", "#define", "#undef", "namespace ", "}  // namespace"})
    if (line.starts_with(start)) return true;
  return false;
}

// What ops.h makes of the rows of ir/ops.def.
std::string elementwise_functions() {
  std::string text;
  const auto add = [&](const std::string& name, int arity, const std::string& doc) {
    text += "Tensor " + name + (arity == 1 ? "(Operand x);  // " : "(Operand a, Operand b);  // ") + doc + "\n";
  };
#define FUNCTION(name, arity, takes, traits, cost, onnx, doc) add(#name, arity, doc);
#include "ir/ops.def"
  return text;
}

// The declarations, without includes, namespaces and private parts; blank lines never two in a row. The functions that
// macros make of the op table stand in their place.
std::string declarations(std::istream& header) {
  std::string text;
  bool is_private = false, was_blank = true;
  for (std::string line; std::getline(header, line);) {
    if (line == "#include \"ir/ops.def\"") text += elementwise_functions();
    if (line == "};") {
      is_private = false;
      if (text.ends_with("\n\n")) text.pop_back();
    }
    if (line == " private:") is_private = true;
    if (is_private || is_scaffolding(line) || (was_blank && line.empty())) continue;
    was_blank = line.empty();
    text += line + "\n";
  }
  while (text.ends_with("\n\n")) text.pop_back();
  return text;
}

std::string page() {
  std::string text = kHead;
  for (const std::string& name : kHeaders) {
    std::ifstream header(kRoot / name);
    text += "\n## " + name + "\n\n```cpp\n" + declarations(header) + "```\n";
  }
  return text;
}

}  // namespace

TEST_CASE("docs: the API page is what the headers say") {
  const std::string made = page();
  const char* bless = std::getenv("WEFT_BLESS");
  if (bless != nullptr && std::strcmp(bless, "1") == 0) std::ofstream(kRoot / kPage) << made;
  CHECK_MESSAGE(read(kRoot / kPage) == made, "run this test with WEFT_BLESS=1 and review docs/reference/api.md");
  MESSAGE(kHeaders.size() << " headers, " << made.size() << " characters");
  CHECK(made.find("Tensor bce_with_logits(Operand logits, Operand target);") != std::string::npos);
  CHECK(made.find("private:") == std::string::npos);
  CHECK(made.find("\n#include") == std::string::npos);
}
