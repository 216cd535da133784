// Writes values of the tables as C.
#include "backends/aot/c_text.h"

#include "ir/error.h"

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

std::string_view dtype_name(ir::DType dtype) {
  switch (dtype) {
    case ir::DType::f32:
      return "WEFT_F32";
    case ir::DType::bf16:
      return "WEFT_BF16";
    case ir::DType::f16:
      return "WEFT_F16";
    case ir::DType::i32:
      return "WEFT_I32";
    case ir::DType::u8:
      return "WEFT_U8";
    case ir::DType::boolean:
      return "WEFT_BOOL";
  }
  return "";
}

std::string_view role_name(ir::Role role) {
  switch (role) {
    case ir::Role::data:
      return "WEFT_DATA";
    case ir::Role::param:
      return "WEFT_PARAM";
    case ir::Role::state:
      return "WEFT_STATE";
    case ir::Role::rng:
      return "WEFT_RNG";
    case ir::Role::hyper:
      return "WEFT_HYPER";
  }
  return "";
}

std::string type_text(ir::DType dtype, const std::vector<std::int64_t>& dims) {
  std::size_t bytes = ir::size_of(dtype);
  for (const std::int64_t dim : dims) bytes *= std::size_t(dim);
  return fmt::format("{{{}, {}, {}, {}}}", dtype_name(dtype), dims.size(), dims.empty() ? "{0}" : braces(dims), bytes);
}
std::string type_text(const ir::Type& type) { return type_text(type.dtype, ir::numbers(type.dims)); }

std::string layout_text(const ir::MemoryLayout& layout) {
  std::vector<std::string> dims, sizes;
  for (const ir::MemoryLayout::Block& block : layout.blocks) {
    dims.push_back(fmt::format("{}", block.dim));
    sizes.push_back(fmt::format("{}", block.size));
  }
  if (layout.blocks.empty()) dims = sizes = {"0"};
  return fmt::format("{{{}, {}, {}, {}, {}}}", layout.order.size(), layout.blocks.size(), braces(layout.order),
                     braces(dims), braces(sizes));
}

std::string layout_text(const std::string& text) {
  if (text.empty()) return "{0}";
  const auto layout = ir::parse_memory_layout(text);
  check(layout.has_value(), "layouts are verified");
  return layout_text(*layout);
}

std::string list_or_null(bool empty, const std::string& name) { return empty ? "0" : name; }

std::string embedded_text(const std::string& symbol, const std::string& path) {
  return fmt::format(
      "__asm__(\".pushsection .rodata\\n.balign 64\\n{0}:\\n.incbin \\\"{1}\\\"\\n.popsection\\n\");\n"
      "extern const unsigned char {0}[] __attribute__((visibility(\"hidden\")));\n",
      symbol, path);
}

}  // namespace weft::aot
