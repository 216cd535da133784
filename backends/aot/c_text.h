// Writes values of the tables as C.
#pragma once

#include <fmt/ranges.h>

#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "ir/memory_layout.h"

namespace weft::aot {

std::string c_string(std::string_view text);  // a string literal, one line of source per line of text
std::string_view dtype_name(ir::DType dtype);
std::string_view role_name(ir::Role role);

template <typename List>
std::string braces(const List& list) {
  return fmt::format("{{{}}}", fmt::join(list, ", "));
}

// As weft_type and weft_layout. "" is row-major.
std::string type_text(ir::DType dtype, const std::vector<std::int64_t>& dims);
std::string type_text(const ir::Type& type);
std::string layout_text(const ir::MemoryLayout& layout);
std::string layout_text(const std::string& layout);

std::string list_or_null(bool empty, const std::string& name);

// Embeds the bytes of a file as `symbol` in the read-only section, 64-byte aligned.
std::string embedded_text(const std::string& symbol, const std::string& path);

}  // namespace weft::aot
