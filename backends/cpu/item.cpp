// Items that do their own work.
#include "backends/cpu/item.h"

#include <algorithm>

#include "backends/reference/reference.h"
#include "ir/builder.h"
#include "ir/error.h"
#include "ir/memory_layout.h"

namespace weft::cpu {

void FillItem::run() {
  for (const passes::Gap& gap : gaps_) std::fill_n(start_ + gap.offset, gap.bytes, std::byte{});
}

RelayItem::RelayItem(const std::string& layout, const ir::Type& type) {
  const auto parsed = ir::parse_memory_layout(layout);
  check(parsed.has_value(), "a layout was verified");
  offsets_ = ir::memory_offsets(*parsed, ir::numbers(type.dims));
}

void RelayItem::run() {
  for (std::size_t i = 0; i < offsets_.size(); ++i) to_[i] = from_[offsets_[i]];
}

ReferenceItem::ReferenceItem(const ir::Graph& graph, const ir::Op& op) {
  ir::Builder builder("single");
  std::vector<ir::ValueId> operands;
  for (std::size_t i = 0; i < op.operands.size(); ++i)
    operands.push_back(builder.input(fmt::format("in{}", i), graph.type(op.operands[i])));
  builder.set_where(op.where);
  builder.output("out", builder.create(op.code, operands, op.attrs, graph.type(op.results[0])));
  single_ = builder.take();
}

void ReferenceItem::run() {
  std::vector<reference::Tensor> inputs;
  for (std::size_t i = 0; i < single_.inputs.size(); ++i)
    inputs.push_back(reference::from_bytes(single_.type(single_.inputs[i].value), pointers_[i]));
  reference::to_bytes(reference::run<float>(single_, inputs).front(), pointers_.back());
}

}  // namespace weft::cpu
