// Ops in the order of the plan, values to addresses.
#include "backends/program/schedule.h"

#include <algorithm>
#include <numeric>

#include "ir/contraction.h"
#include "ir/error.h"

namespace weft {

using ir::Attr;
using ir::Graph;
using ir::kNone;
using ir::Op;
using ir::OpId;
using ir::ValueId;

Schedule::Schedule(const Graph& graph, std::size_t alignment)
    : graph_(graph),
      plan_(passes::make_plan(graph)),
      alignment_(alignment),
      kept_(graph),
      filled_(graph.values.size()) {
  program_.entry = graph.name.c_str();
  program_.source = "";
  const std::vector<weft_port> inputs = runtime::input_tables(graph, tables_),
                               outputs = runtime::output_tables(graph, tables_);
  program_.inputs = tables_.list(inputs);
  program_.input_count = int(inputs.size());
  program_.outputs = tables_.list(outputs);
  program_.output_count = int(outputs.size());
}

void Schedule::add_all() {
  for (const std::uint32_t input : kept_.relaid()) {
    relayouts_[input] = 0;
    add_relayout(input);
  }
  for (const OpId id : plan_.order) {
    for (const ValueId operand : graph_.ops[id].operands) fill_gaps(operand);
    add_op(id);
  }
  for (const ir::Output& output : graph_.outputs) fill_gaps(output.value);
  program_.steps = steps_.data();
  program_.step_count = int(steps_.size());
}

void Schedule::add_step(weft_step_kind kind, const void* table, const std::string& name, std::vector<ValueId> values,
                        OpId op, std::size_t last_offset) {
  steps_.push_back({kind, tables_.text(name), nullptr, 0, 0, 0, table});
  values_.push_back(std::move(values));
  ops_.push_back(op);
  last_offsets_.push_back(last_offset);
}

// Before a pack is read, the gaps between its parts are filled with zeros.
void Schedule::fill_gaps(ValueId value) {
  const Op* pack = passes::pack_below(graph_, value);
  if (!pack || filled_[pack->results[0]]) return;
  const ValueId packed = pack->results[0];
  filled_[packed] = true;
  std::vector<weft_gap> gaps;
  for (const passes::Gap& gap : passes::gaps_of(graph_, *pack)) gaps.push_back({gap.offset, gap.bytes});
  if (gaps.empty()) return;
  add_step(weft_fill_step{tables_.list(gaps), int(gaps.size())}, "fill gaps", {packed}, graph_.values[packed].op);
}

std::string Schedule::name_of(const Op& op) { return fmt::format("{} {}", ir::name(op.code), op.location.scope); }

std::vector<ValueId> Schedule::values_of(const Op& op) {
  std::vector<ValueId> values = op.operands;
  values.insert(values.end(), op.results.begin(), op.results.end());
  return values;
}

// --- Contractions ----------------------------------------------------------------------------------------------------

namespace {

// Buffers and ports begin at the planner's alignment; elements may begin anywhere in them.
unsigned alignment_of(std::int64_t offset, ir::DType dtype) {
  unsigned alignment = passes::kAlignment;
  while (offset * std::int64_t(ir::size_of(dtype)) % alignment != 0) alignment /= 2;
  return alignment;
}

}  // namespace

weft_matmul_step Schedule::matmul(const Op& op) {
  weft_matmul_step table{};
  table.count = 1;
  const ir::Dims& all = graph_.type(op.results[0]).dims;
  for (std::size_t i = 0; i + 2 < all.size(); ++i) table.count *= ir::number(all[i]);
  const auto take = [&](ValueId value, std::size_t index, Attr transpose) -> weft_matrix {
    const passes::Place& place = plan_.places[value];
    const auto dims = ir::numbers(graph_.type(value).dims);
    const std::size_t row = dims.size() - 2, column = dims.size() - 1;
    table.strides[index] = table.count == 1 ? 0 : dims[row] * dims[column];
    table.alignment[index] = alignment_of(std::gcd(place.offset, table.strides[index]), graph_.type(value).dtype);
    if (transpose != Attr::none && op.attrs.integer(transpose) != 0)
      return {dims[column], dims[row], place.strides[column], place.strides[row]};
    return {dims[row], dims[column], place.strides[row], place.strides[column]};
  };
  table.a = take(op.operands[0], 0, Attr::transpose_a);
  table.b = take(op.operands[1], 1, Attr::transpose_b);
  table.result = take(op.results[0], 2, Attr::none);
  table.bias = op.operands.size() == 3;
  if (table.bias)
    table.alignment[3] = alignment_of(plan_.places[op.operands[2]].offset, graph_.type(op.operands[2]).dtype);
  table.activation = tables_.text(op.attrs.text(Attr::activation));
  table.dtype = weft_dtype(graph_.type(op.operands[0]).dtype);
  return table;
}

weft_convolution_step Schedule::convolution(const Op& op) {
  return convolution_table(graph_, op, tables_.text(kept_.of_weights(op)));
}

weft_convolution_step convolution_table(const Graph& graph, const Op& op, const char* weights_layout) {
  const ir::ConvolutionShape shape = ir::convolution_shape(graph, op);
  weft_convolution_step table{};
  table.direction = weft_direction(shape.direction);
  std::ranges::copy(shape.x, table.x);
  std::ranges::copy(shape.w, table.w);
  std::ranges::copy(shape.y, table.y);
  std::ranges::copy(shape.stride, table.stride);
  std::ranges::copy(shape.padding, table.padding);
  std::ranges::copy(shape.dilation, table.dilation);
  table.groups = shape.groups;
  table.channels_last = shape.channels_last;
  table.weights_layout = weights_layout;
  table.bias = op.operands.size() == 3;
  const std::string activation = op.attrs.text(Attr::activation);
  check(activation.empty() || activation == "relu", "targets list no other activation");
  table.activation = activation.empty() ? "" : "relu";
  table.winograd = 1;
  table.dtype = weft_dtype(graph.type(op.operands[0]).dtype);
  check(table.direction == WEFT_FORWARD || (table.bias == 0 && *table.activation == '\0'),
        "`epilogue` adds nothing to gradients");
  return table;
}

// --- Memory ----------------------------------------------------------------------------------------------------------

// The planner's alignment may be smaller than the backend's: scratch begins at the next boundary.
void Schedule::place(const std::vector<std::size_t>& scratch_bytes) {
  std::vector<std::size_t> by_op(graph_.ops.size(), 0);
  for (std::size_t i = 0; i < steps_.size(); ++i)
    if (scratch_bytes[i] > 0)
      by_op[ops_[i]] = std::max(by_op[ops_[i]], scratch_bytes[i] + alignment_ - passes::kAlignment);
  const std::vector<OpId> order = plan_.order;
  plan_ = passes::make_plan(graph_, by_op);
  check(order == plan_.order, "scratch changed the order of ops");
  std::vector<int> buffer_of(graph_.ops.size(), -1);
  for (std::size_t at = 0; at < order.size(); ++at) buffer_of[order[at]] = plan_.scratch_buffer[at];

  program_.arena_bytes = rounded(plan_.arena_bytes);
  for (auto& [input, offset] : relayouts_) {
    offset = program_.arena_bytes;
    program_.arena_bytes += rounded(graph_.type(graph_.inputs[input].value).bytes());
  }
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    std::vector<weft_address> addresses;
    if (i < kept_.relaid().size()) addresses.push_back({WEFT_INPUT, kept_.relaid()[i], 0});
    for (const ValueId value : values_[i]) addresses.push_back(address(value));
    addresses.back().offset += last_offsets_[i];
    weft_step& step = steps_[i];
    step.addresses = tables_.list(addresses);
    step.address_count = int(addresses.size());
    step.scratch_bytes = scratch_bytes[i];
    if (ops_[i] != kNone && buffer_of[ops_[i]] >= 0)
      step.scratch_offset = rounded(plan_.buffers[std::size_t(buffer_of[ops_[i]])].offset);
  }
}

weft_address Schedule::address(ValueId value) const {
  const passes::Place& place = plan_.places[value];
  const std::size_t offset = std::size_t(place.offset) * ir::size_of(graph_.type(value).dtype);
  switch (place.base) {
    case passes::Place::Base::input: {
      const auto copy = relayouts_.find(place.index);
      if (copy != relayouts_.end()) return {WEFT_ARENA, 0, copy->second + offset};
      return {WEFT_INPUT, place.index, offset};
    }
    case passes::Place::Base::output:
      return {WEFT_OUTPUT, place.index, offset};
    case passes::Place::Base::buffer:
      break;
  }
  return {WEFT_ARENA, 0, plan_.buffers[place.index].offset + offset};
}

// --- Text ------------------------------------------------------------------------------------------------------------

std::string Schedule::described(const Op& op, const std::string& what) const {
  const std::string location = to_string(op.location);
  return fmt::format("{}{}{} -> {}, {} bytes{}{}", location, location.empty() ? "" : ": ", ir::name(op.code),
                     to_string(graph_.type(op.results[0])), std::int64_t(passes::bytes_of(graph_, op)),
                     what.empty() ? "" : ": ", what);
}

std::string Schedule::described(std::size_t step, const std::string& what) const {
  if (ops_[step] == kNone) return fmt::format("{}: {}", steps_[step].name, what);
  return described(graph_.ops[ops_[step]], fmt::format("{}: {}", steps_[step].name, what));
}

std::string Schedule::largest() const {
  const auto largest = std::max_element(plan_.buffers.begin(), plan_.buffers.end(),
                                        [](const auto& a, const auto& b) { return a.bytes < b.bytes; });
  if (largest == plan_.buffers.end()) return "";
  const OpId op = largest->value == kNone ? plan_.order[std::size_t(largest->first)] : graph_.values[largest->value].op;
  return fmt::format("its largest value takes {} bytes, of {}", largest->bytes, described(graph_.ops[op], ""));
}

}  // namespace weft
