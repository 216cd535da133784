// The tables in docs/reference/ir.md are those of ops.def and attrs.def; WEFT_BLESS=1 rewrites them.
#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "ir/error.h"
#include "ir/op.h"

namespace weft::ir {
namespace {

constexpr const char* kPage = WEFT_SOURCE_DIR "/docs/reference/ir.md";
constexpr std::string_view kBegin = "<!-- tables: written by tests/ir/ir_docs_test.cpp -->\n";
constexpr std::string_view kEnd = "<!-- end of tables -->\n";

std::string_view title(OpKind kind) {
  switch (kind) {
    case OpKind::source:
      return "Sources";
    case OpKind::elementwise:
      return "Elementwise, with numpy broadcasting";
    case OpKind::reduce:
      return "Reductions";
    case OpKind::contraction:
      return "Contractions";
    case OpKind::pooling:
      return "Pooling";
    case OpKind::movement:
      return "Movement";
    case OpKind::structured:
      return "Structured";
  }
  return "";
}

std::string arity(const OpInfo& row) {
  if (row.max_arity == kMany) return fmt::format("{} or more", row.min_arity);
  if (row.min_arity == row.max_arity) return fmt::format("{}", row.min_arity);
  return fmt::format("{} or {}", row.min_arity, row.max_arity);
}

std::string_view dtypes(Takes takes) {
  switch (takes) {
    case Takes::any:
      return "any dtype";
    case Takes::numbers:
      return "floats or i32";
    case Takes::floats:
      return "floats";
    case Takes::bools:
      return "bool";
    case Takes::choice:
      return "bool, then any dtype";
  }
  return "";
}

// A '|' would end the cell of a table.
std::string cell(std::string_view text) {
  std::string result;
  for (const char c : text) result += c == '|' ? "\\|" : std::string(1, c);
  return result;
}

std::string op_tables() {
  std::string text;
  const OpInfo* before = nullptr;
  for (const OpInfo& row : op_table()) {
    if (before == nullptr || before->kind != row.kind)
      text += fmt::format("\n### {}\n\n| op | operands | {} | meaning |\n|---|---|---|---|\n", title(row.kind),
                          row.kind == OpKind::elementwise ? "of" : "attributes");
    std::vector<std::string> attributes;
    for (const AttrInfo& attr : attr_table())
      if (contains(row.attributes, attr.attr)) attributes.push_back(fmt::format("`{}`", attr.name));
    text += fmt::format("| `{}` | {} | {} | {}{} |\n", row.name, arity(row),
                        row.kind == OpKind::elementwise ? std::string(dtypes(row.takes))
                                                        : fmt::format("{}", fmt::join(attributes, " ")),
                        cell(row.doc), row.has(Trait::typed) ? " *(typed)*" : "");
    before = &row;
  }
  return text;
}

std::string spell(AttrType type) {
  switch (type) {
    case AttrType::integer:
      return "whole number";
    case AttrType::integers:
      return "list of whole numbers";
    case AttrType::numbers:
      return "number, or list of them";
    case AttrType::dims:
      return "list of dims";
    case AttrType::text:
      return "name";
  }
  return "";
}

std::string fallback(const AttrInfo& row) {
  if (row.is_required()) return "required";
  if (row.type == AttrType::text) return row.fallback.text.empty() ? "none" : std::string(row.fallback.text);
  if (row.type == AttrType::integers) return fmt::format("[{0},{0}]", row.fallback.number);
  return fmt::format("{}", row.fallback.number);
}

std::string attr_tables() {
  std::string text = "\n### Attributes\n\n| attribute | value | default | meaning |\n|---|---|---|---|\n";
  for (const AttrInfo& row : attr_table())
    text += fmt::format("| `{}` | {} | {} | {} |\n", row.name, spell(row.type), fallback(row), cell(row.doc));
  return text + "\n";
}

TEST_CASE("docs/reference/ir.md: its tables are those of the code") {
  std::ostringstream stream;
  stream << std::ifstream(kPage).rdbuf();
  const std::string page = stream.str();
  const std::size_t begin = page.find(kBegin), end = page.find(kEnd);
  REQUIRE(begin != std::string::npos);
  REQUIRE(end != std::string::npos);
  const std::size_t first = begin + kBegin.size();
  const std::string expected = op_tables() + attr_tables();
  const char* bless = std::getenv("WEFT_BLESS");
  if (bless != nullptr && std::strcmp(bless, "1") == 0) {
    std::ofstream(kPage) << page.substr(0, first) << expected << page.substr(end);
    return;
  }
  CHECK_MESSAGE(page.substr(first, end - first) == expected,
                "run this test with WEFT_BLESS=1 and review docs/reference/ir.md");
}

}  // namespace
}  // namespace weft::ir
