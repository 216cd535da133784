// Ops to steps, values to addresses.
#include "backends/cuda/program/schedule.h"

#include <algorithm>

#include "backends/cuda/program/contraction.h"
#include "ir/error.h"

namespace weft::cuda {

using ir::Graph;
using ir::kNone;
using ir::Op;
using ir::OpCode;
using ir::OpId;
using ir::ValueId;

Schedule::Schedule(const Graph& graph, bool tf32)
    : graph_(graph), tf32_(tf32), kept_(graph), plan_(passes::make_plan(graph)), filled_(graph.values.size()) {
  const std::vector<OpKernel> kernels = kernels_of(graph, plan_);
  std::vector<EmittedKernel> emitted;
  for (const OpKernel& each : kernels) emitted.push_back(each.kernel);
  kernels_ = int(emitted.size());
  if (!emitted.empty()) source_ = translation_unit(emitted);

  std::size_t next = 0;
  for (; next < kernels.size() && kernels[next].relayouts != kNone; ++next) add_kernel(kernels[next]);
  for (const OpId id : plan_.order) {
    const Op& op = graph.ops[id];
    for (const ValueId operand : op.operands) fill_gaps(operand);
    if (is_contraction(graph, op)) add_contraction(id);
    for (; next < kernels.size() && kernels[next].op == id; ++next) add_kernel(kernels[next]);
  }
  for (const ir::Output& output : graph.outputs) fill_gaps(output.value);
}

void Schedule::add_step(StepBody body, std::string name, std::vector<ValueId> values, OpId op) {
  steps_.push_back({std::move(body), std::move(name)});
  values_.push_back(std::move(values));
  ops_.push_back(op);
  last_offsets_.push_back(0);
}

void Schedule::add_kernel(const OpKernel& made) {
  const bool relayouts = made.relayouts != kNone;
  if (relayouts) relayouts_[made.relayouts] = 0;
  add_step(KernelStep{made.kernel.launches, made.kernel.scratch_bytes}, made.kernel.name,
           relayouts ? std::vector<ValueId>{graph_.inputs[made.relayouts].value} : made.values, made.op);
  last_offsets_.back() = made.last_offset;
}

void Schedule::add_contraction(OpId id) {
  const Op& op = graph_.ops[id];
  std::vector<ValueId> values = op.operands;
  values.push_back(op.results[0]);
  StepBody body;
  if (op.code == OpCode::matmul) {
    Matmul matmul = matmul_of(graph_, op, plan_.places);
    matmul.tf32 = tf32_;
    body = matmul;
  } else {
    Convolution convolution = convolution_of(graph_, op, kept_.of_weights(op));
    convolution.tf32 = tf32_;
    body = convolution;
  }
  add_step(std::move(body), fmt::format("{} {}", ir::name(op.code), op.location.scope), std::move(values), id);
}

// Before a pack is read, the gaps between its parts are filled with zeros.
void Schedule::fill_gaps(ValueId value) {
  const Op* pack = passes::pack_below(graph_, value);
  if (!pack || filled_[pack->results[0]]) return;
  const ValueId packed = pack->results[0];
  filled_[packed] = true;
  FillStep body{passes::gaps_of(graph_, *pack)};
  if (!body.gaps.empty()) add_step(std::move(body), "fill gaps", {packed}, graph_.values[packed].op);
}

// --- Memory ----------------------------------------------------------------------------------------------------------

// The planner's alignment is smaller than a device's: scratch begins at the device's next boundary.
void Schedule::place(const std::vector<std::size_t>& scratch_bytes) {
  std::vector<std::size_t> by_op(graph_.ops.size(), 0);
  for (std::size_t i = 0; i < steps_.size(); ++i)
    if (scratch_bytes[i] > 0)
      by_op[ops_[i]] = std::max(by_op[ops_[i]], scratch_bytes[i] + kDeviceAlignment - passes::kAlignment);
  const std::vector<OpId> order = plan_.order;
  plan_ = passes::make_plan(graph_, by_op);
  check(order == plan_.order, "scratch changed the order of ops");
  std::vector<int> buffer_of(graph_.ops.size(), -1);
  for (std::size_t at = 0; at < order.size(); ++at) buffer_of[order[at]] = plan_.scratch_buffer[at];

  arena_bytes_ = aligned(plan_.arena_bytes);
  for (auto& [input, offset] : relayouts_) {
    offset = arena_bytes_;
    arena_bytes_ += aligned(graph_.type(graph_.inputs[input].value).bytes());
  }
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    Step& step = steps_[i];
    step.addresses.clear();
    if (i < kept_.relaid().size()) step.addresses.push_back({Address::Base::input, kept_.relaid()[i], 0});
    for (const ValueId value : values_[i]) step.addresses.push_back(address(value));
    step.addresses.back().offset += std::size_t(last_offsets_[i]);
    step.scratch_bytes = scratch_bytes[i];
    if (ops_[i] != kNone && buffer_of[ops_[i]] >= 0)
      step.scratch_offset = aligned(plan_.buffers[std::size_t(buffer_of[ops_[i]])].offset);
  }
}

Address Schedule::address(ValueId value) const {
  const Address address = passes::address_of(plan_, graph_, value);
  const auto copy = address.base == Address::Base::input ? relayouts_.find(address.index) : relayouts_.end();
  return copy == relayouts_.end() ? address : Address{Address::Base::arena, 0, copy->second + address.offset};
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

}  // namespace weft::cuda
