// Graph types to C structs.
#include "runtime/program/tables.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/memory_layout.h"

namespace weft::runtime {

static_assert(int(ir::DType::boolean) == WEFT_BOOL && int(ir::DType::i32) == WEFT_I32);
static_assert(int(ir::Role::param) == WEFT_PARAM && int(ir::Role::hyper) == WEFT_HYPER);
static_assert(int(ir::Init::Kind::normal) == WEFT_INIT_NORMAL);

const char* Tables::text(std::string_view text) {
  char* copy = static_cast<char*>(memory_->allocate(text.size() + 1, 1));
  *std::copy(text.begin(), text.end(), copy) = '\0';
  return copy;
}

weft_type table_of(const ir::Type& type) {
  const std::vector<std::int64_t> dims = ir::numbers(type.dims);
  check(dims.size() <= WEFT_MAX_RANK, "tables hold tensors of any rank that a graph may have");
  weft_type table{weft_dtype(type.dtype), int(dims.size()), {}, type.bytes()};
  std::copy(dims.begin(), dims.end(), table.dims);
  return table;
}

weft_layout layout_table(const std::string& text) {
  weft_layout table{};
  if (text.empty()) return table;
  const auto layout = ir::parse_memory_layout(text);
  check(layout.has_value(), "layouts are verified");
  for (const std::size_t dim : layout->order) table.order[table.rank++] = int(dim);
  for (const ir::MemoryLayout::Block& block : layout->blocks) {
    table.block_dim[table.block_count] = int(block.dim);
    table.block_size[table.block_count++] = block.size;
  }
  return table;
}

std::vector<weft_port> input_tables(const ir::Graph& graph, Tables& tables) {
  std::vector<weft_port> ports;
  for (std::uint32_t i = 0; i < graph.inputs.size(); ++i)
    ports.push_back({tables.text(graph.input_name(i)), table_of(graph.type(graph.inputs[i].value)),
                     weft_role(graph.inputs[i].role), 0});
  return ports;
}

std::vector<weft_port> output_tables(const ir::Graph& graph, Tables& tables) {
  std::vector<weft_port> ports;
  for (const ir::Output& output : graph.outputs) {
    const ir::Role role = output.donates == ir::kNone ? ir::Role::data : graph.inputs[output.donates].role;
    ports.push_back({tables.text(output.name), table_of(graph.type(output.value)), weft_role(role), 0});
  }
  return ports;
}

}  // namespace weft::runtime
