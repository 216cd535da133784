// Ops to steps, values to addresses.
#include "backends/cpu/program/schedule.h"

#include <algorithm>
#include <cctype>

#include "backends/cpu/program/im2col_thunk.h"
#include "backends/cpu/program/reference_thunk.h"
#include "backends/cpu/program/window_steps.h"
#include "backends/cpu/similarity/kernels.h"
#include "backends/cpu/threads/memory.h"
#include "ir/error.h"
#include "ir/kernel/lower.h"

namespace weft::cpu {

using ir::Graph;
using ir::kNone;
using ir::Op;
using ir::OpCode;
using ir::OpId;
using ir::ValueId;

static_assert(kCacheLine == passes::kAlignment, "inputs and outputs are aligned like the planner's buffers");

using passes::Place;

namespace {

std::optional<SimilarityStep::Kind> similarity_kind(OpCode code) {
  if (code == OpCode::similarity_lse) return SimilarityStep::Kind::lse;
  if (code == OpCode::similarity_lse_grad) return SimilarityStep::Kind::gradient;
  if (code == OpCode::similarity_tiles) return SimilarityStep::Kind::tiles;
  return {};
}

// The tiles that the op makes or reads, if any.
const ir::Type* tiles_of(const Graph& graph, const Op& op) {
  const ir::Type& last = graph.type(op.code == OpCode::similarity_tiles ? op.results[0] : op.operands.back());
  return last.rank() == 3 ? &last : nullptr;
}

std::vector<ValueId> values_of(const Op& op) {
  std::vector<ValueId> values = op.operands;
  values.insert(values.end(), op.results.begin(), op.results.end());
  return values;
}

Matrix matrix_of(const Graph& graph, ValueId value, const Place& place, bool transposed) {
  const auto dims = ir::numbers(graph.type(value).dims);
  const Matrix matrix{dims[0], dims[1], place.strides[0], place.strides[1]};
  return transposed ? Matrix{matrix.columns, matrix.rows, matrix.column_stride, matrix.row_stride} : matrix;
}

// For a kernel over flat vectors that reads a pack: the boundaries of the pack's parts.
std::vector<std::int64_t> cuts_of(const Graph& graph, const Op& op) {
  const auto is_pack = [&](ValueId value) {
    return graph.producer(value) && graph.producer(value)->code == OpCode::pack;
  };
  const auto found = std::find_if(op.operands.begin(), op.operands.end(), is_pack);
  if (found == op.operands.end()) return {};
  const auto is_flat = [&](ValueId value) {
    return graph.type(value).elements() == 1 || graph.type(value).dims == graph.type(*found).dims;
  };
  const std::vector<ValueId> values = values_of(op);
  if (!std::all_of(values.begin(), values.end(), is_flat)) return {};
  std::vector<std::int64_t> cuts = graph.producer(*found)->attrs.integers(ir::Attr::offsets);
  cuts.push_back(0);
  cuts.push_back(graph.type(*found).elements());
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

}  // namespace

Schedule::Schedule(const Graph& graph, const ScheduleOptions& options)
    : graph_(graph), options_(options), kept_(graph), plan_(passes::make_plan(graph)), filled_(graph.values.size()) {
  for (const std::uint32_t input : kept_.relaid()) relayout(input);
  for (const OpId id : plan_.order) add_op(id);
  for (const ir::Output& output : graph.outputs) fill_gaps(output.value);
}

void Schedule::add_step(StepBody body, std::string name, std::vector<ValueId> values, OpId op) {
  steps_.push_back({std::move(body), std::move(name)});
  values_.push_back(std::move(values));
  ops_.push_back(op);
}

void Schedule::add_op(OpId id) {
  const Op& op = graph_.ops[id];
  for (const ValueId operand : op.operands) fill_gaps(operand);
  StepBody body = body_of(op);
  std::string name = op.code == OpCode::fused
                         ? std::get<kernel::Kernel>(kernels_[std::size_t(std::get<KernelStep>(body).kernel)]).name
                         : fmt::format("{} {}", ir::name(op.code), op.location.scope);
  add_step(std::move(body), std::move(name), values_of(op), id);
}

// Weights that ops other than convolutions read are copied to row-major order first.
void Schedule::relayout(std::uint32_t index) {
  const ir::Input& input = graph_.inputs[index];
  const auto layout = ir::parse_memory_layout(input.layout);
  check(layout.has_value(), "layouts are verified");
  relayouts_[index] = 0;
  add_step(RelayoutStep{*layout, ir::numbers(graph_.type(input.value).dims)}, "relayout " + graph_.input_name(index),
           {input.value}, kNone);
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

// --- Steps -----------------------------------------------------------------------------------------------------------

StepBody Schedule::body_of(const Op& op) {
  if (op.code == OpCode::fused) return fused(op);
  const auto is_f32 = [&](ValueId value) { return graph_.type(value).dtype == ir::DType::f32; };
  if (is_f32(op.results[0]) && std::all_of(op.operands.begin(), op.operands.end(), is_f32)) {
    if (ir::is_convolution(op.code)) {
      Convolution convolution = convolution_of(graph_, op, kept_.of_weights(op));
      convolution.winograd = options_.winograd;
      return options_.standalone ? columns(convolution, op) : convolution;
    }
    if (const auto kind = similarity_kind(op.code)) return similarity(op, *kind);
    if (op.code == OpCode::matmul) return options_.standalone ? product(matmul(op), op) : matmul(op);
    if (is_pooling(graph_, op)) return pooling_of(graph_, op);
  }
  return reference_step(op);
}

CustomStep Schedule::reference_step(const Op& op) const {
  return {[graph = &graph_, op = &op] { return make_reference_item(*graph, *op); }};
}

// A kernel's name in dumps and profiles, made from the names of its results.
std::string Schedule::kernel_name(const Op& op) const {
  std::string name = fmt::format("{}kernel_{}", options_.prefix, kernels_.size());
  const std::size_t most = options_.prefix.size() + 60;
  for (const ValueId result : op.results)
    for (const char c : "_" + graph_.values[result].name) {
      if (name.size() < most) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
    }
  return name;
}

KernelStep Schedule::fused(const Op& op) {
  std::vector<kernel::Strides> inputs, outputs;
  for (const ValueId value : op.operands) inputs.push_back(plan_.places[value].strides);
  for (const ValueId value : op.results) outputs.push_back(plan_.places[value].strides);
  KernelStep body{int(kernels_.size()), cuts_of(graph_, op), 0};
  if (!body.cuts.empty()) body.elements = body.cuts.back();
  kernels_.push_back(kernel::lower(*op.body, inputs, outputs, kernel_name(op)));
  return body;
}

StepBody Schedule::similarity(const Op& op, SimilarityStep::Kind kind) {
  const auto dims = ir::numbers(graph_.type(op.operands[0]).dims);
  SimilarityStep body{kind, dims[0], dims[1], int(kernels_.size()), 0};
  const SimilarityShape shape(body.rows, body.width);
  const ir::Type* tiles = tiles_of(graph_, op);
  if (tiles && tiles->dims[1].factor != shape.block) return reference_step(op);  // from a hand-written graph
  if (kind == SimilarityStep::Kind::tiles) return body;
  const std::string name = kernel_name(op);
  std::vector<kernel::Kernel> made =
      kind == SimilarityStep::Kind::gradient ? lse_grad_kernels(shape, name) : lse_kernels(shape, name);
  body.kernels = int(made.size());
  for (kernel::Kernel& each : made) kernels_.push_back(std::move(each));
  return body;
}

MatmulStep Schedule::matmul(const Op& op) const {
  const auto matrix = [&](ValueId value, ir::Attr transpose) {
    const bool transposed = transpose != ir::Attr::none && op.attrs.integer(transpose) != 0;
    return matrix_of(graph_, value, plan_.places[value], transposed);
  };
  return {matrix(op.operands[0], ir::Attr::transpose_a), matrix(op.operands[1], ir::Attr::transpose_b),
          matrix(op.results[0], ir::Attr::none), op.operands.size() == 3, op.attrs.text(ir::Attr::activation)};
}

StepBody Schedule::product(MatmulStep body, const Op& op) {
  kernels_.push_back(Matmul{kernel_name(op), body.a, body.b, body.result, body.bias, std::move(body.activation)});
  return KernelStep{int(kernels_.size()) - 1, {}, 0};
}

StepBody Schedule::columns(const Convolution& convolution, const Op& op) {
  Im2colStep body = columns_of(convolution, int(kernels_.size()));
  kernels_.push_back(matmul_of(body, kernel_name(op)));
  return body;
}

// --- Memory ----------------------------------------------------------------------------------------------------------

void Schedule::place(const std::vector<std::size_t>& scratch_bytes) {
  std::vector<std::size_t> by_op(graph_.ops.size(), 0);
  const auto is_op = [&](std::size_t step) {
    return ops_[step] != kNone && !std::holds_alternative<FillStep>(steps_[step].body);
  };
  for (std::size_t i = 0; i < steps_.size(); ++i)
    if (is_op(i)) by_op[ops_[i]] = scratch_bytes[i];
  const std::vector<OpId> order = plan_.order;
  plan_ = passes::make_plan(graph_, by_op);
  check(order == plan_.order, "scratch changed the order of ops");

  arena_bytes_ = plan_.arena_bytes;
  for (auto& [input, offset] : relayouts_) {
    offset = arena_bytes_;
    arena_bytes_ += aligned(graph_.type(graph_.inputs[input].value).bytes());
  }
  for (std::size_t i = 0, at = 0; i < steps_.size(); ++i) {
    Step& step = steps_[i];
    step.addresses.clear();
    if (i < kept_.relaid().size()) step.addresses.push_back({Address::Base::input, kept_.relaid()[i], 0});
    for (const ValueId value : values_[i]) step.addresses.push_back(address(value));
    if (!is_op(i)) continue;
    const int buffer = plan_.scratch_buffer[at++];
    if (buffer < 0) continue;
    step.scratch_offset = plan_.buffers[std::size_t(buffer)].offset;
    step.scratch_bytes = scratch_bytes[i];
  }
}

Address Schedule::address(ValueId value) const {
  const Address address = passes::address_of(plan_, graph_, value);
  const auto copy = address.base == Address::Base::input ? relayouts_.find(address.index) : relayouts_.end();
  return copy == relayouts_.end() ? address : Address{Address::Base::arena, 0, copy->second + address.offset};
}

}  // namespace weft::cpu
