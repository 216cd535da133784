// Ops to steps, values to addresses.
#include "backends/cpu/recipe.h"

#include <algorithm>
#include <cctype>

#include "backends/cpu/columns_item.h"
#include "backends/cpu/memory.h"
#include "backends/cpu/reference_item.h"
#include "backends/cpu/similarity_kernels.h"
#include "backends/cpu/window_work.h"
#include "backends/kernel/lower.h"
#include "ir/error.h"

namespace weft::cpu {

using ir::Graph;
using ir::kNone;
using ir::Op;
using ir::OpCode;
using ir::OpId;
using ir::ValueId;

static_assert(kCacheLine == passes::kAlignment, "inputs and outputs begin as the planner's buffers do");

using passes::Place;

namespace {

std::optional<SimilarityWork::Kind> similarity_kind(OpCode code) {
  if (code == OpCode::similarity_lse) return SimilarityWork::Kind::lse;
  if (code == OpCode::similarity_lse_grad) return SimilarityWork::Kind::gradient;
  if (code == OpCode::similarity_tiles) return SimilarityWork::Kind::tiles;
  return {};
}

// The tiles that the op makes or reads, where there are any.
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

// Where a kernel over flat vectors reads a pack: the borders of its parts.
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

Recipe::Recipe(const Graph& graph, const RecipeOptions& options)
    : graph_(graph), options_(options), kept_(graph), plan_(passes::make_plan(graph)), filled_(graph.values.size()) {
  for (const std::uint32_t input : kept_.relaid()) relay(input);
  for (const OpId id : plan_.order) add_op(id);
  for (const ir::Output& output : graph.outputs) fill_gaps(output.value);
}

void Recipe::add_step(Work work, std::string name, std::vector<ValueId> values, OpId op) {
  steps_.push_back({std::move(work), std::move(name)});
  values_.push_back(std::move(values));
  ops_.push_back(op);
}

void Recipe::add_op(OpId id) {
  const Op& op = graph_.ops[id];
  for (const ValueId operand : op.operands) fill_gaps(operand);
  Work work = work_of(op);
  std::string name = op.code == OpCode::fused
                         ? std::get<kernel::Kernel>(kernels_[std::size_t(std::get<KernelWork>(work).kernel)]).name
                         : fmt::format("{} {}", ir::name(op.code), op.where.scope);
  add_step(std::move(work), std::move(name), values_of(op), id);
}

// A kernel that others than convolutions read is copied to row-major order first.
void Recipe::relay(std::uint32_t index) {
  const ir::Input& input = graph_.inputs[index];
  const auto layout = ir::parse_memory_layout(input.layout);
  check(layout.has_value(), "a layout was verified");
  relays_[index] = 0;
  add_step(RelayWork{*layout, ir::numbers(graph_.type(input.value).dims)}, "relay " + graph_.input_name(index),
           {input.value}, kNone);
}

// Before a pack is read, zeros go between its parts.
void Recipe::fill_gaps(ValueId value) {
  const Op* pack = passes::pack_below(graph_, value);
  if (!pack || filled_[pack->results[0]]) return;
  const ValueId packed = pack->results[0];
  filled_[packed] = true;
  FillWork work{passes::gaps_of(graph_, *pack)};
  if (!work.gaps.empty()) add_step(std::move(work), "fill gaps", {packed}, graph_.values[packed].op);
}

// --- Work ------------------------------------------------------------------------------------------------------------

Work Recipe::work_of(const Op& op) {
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
  return reference_work(op);
}

OtherWork Recipe::reference_work(const Op& op) const {
  return {[graph = &graph_, op = &op] { return make_reference_item(*graph, *op); }};
}

// A kernel's name in dumps and profiles: what it is for, by the names of its results.
std::string Recipe::kernel_name(const Op& op) const {
  std::string name = fmt::format("{}kernel_{}", options_.prefix, kernels_.size());
  const std::size_t most = options_.prefix.size() + 60;
  for (const ValueId result : op.results)
    for (const char c : "_" + graph_.values[result].name) {
      if (name.size() < most) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
    }
  return name;
}

KernelWork Recipe::fused(const Op& op) {
  std::vector<kernel::Strides> inputs, outputs;
  for (const ValueId value : op.operands) inputs.push_back(plan_.places[value].strides);
  for (const ValueId value : op.results) outputs.push_back(plan_.places[value].strides);
  KernelWork work{int(kernels_.size()), cuts_of(graph_, op), 0};
  if (!work.cuts.empty()) work.elements = work.cuts.back();
  kernels_.push_back(kernel::lower(*op.body, inputs, outputs, kernel_name(op)));
  return work;
}

Work Recipe::similarity(const Op& op, SimilarityWork::Kind kind) {
  const auto dims = ir::numbers(graph_.type(op.operands[0]).dims);
  SimilarityWork work{kind, dims[0], dims[1], int(kernels_.size()), 0};
  const SimilarityShape shape(work.rows, work.width);
  const ir::Type* tiles = tiles_of(graph_, op);
  if (tiles && tiles->dims[1].factor != shape.block) return reference_work(op);  // of a graph by hand
  if (kind == SimilarityWork::Kind::tiles) return work;
  const std::string name = kernel_name(op);
  std::vector<kernel::Kernel> made =
      kind == SimilarityWork::Kind::gradient ? lse_grad_kernels(shape, name) : lse_kernels(shape, name);
  work.kernels = int(made.size());
  for (kernel::Kernel& each : made) kernels_.push_back(std::move(each));
  return work;
}

MatmulWork Recipe::matmul(const Op& op) const {
  const auto matrix = [&](ValueId value, ir::Attr transpose) {
    const bool transposed = transpose != ir::Attr::none && op.attrs.integer(transpose) != 0;
    return matrix_of(graph_, value, plan_.places[value], transposed);
  };
  return {matrix(op.operands[0], ir::Attr::transpose_a), matrix(op.operands[1], ir::Attr::transpose_b),
          matrix(op.results[0], ir::Attr::none), op.operands.size() == 3, op.attrs.text(ir::Attr::activation)};
}

Work Recipe::product(MatmulWork work, const Op& op) {
  kernels_.push_back(Product{kernel_name(op), work.a, work.b, work.result, work.bias, std::move(work.activation)});
  return KernelWork{int(kernels_.size()) - 1, {}, 0};
}

Work Recipe::columns(const Convolution& convolution, const Op& op) {
  ColumnsWork work = columns_of(convolution, int(kernels_.size()));
  kernels_.push_back(product_of(work, kernel_name(op)));
  return work;
}

// --- Memory ----------------------------------------------------------------------------------------------------------

void Recipe::place(const std::vector<std::size_t>& scratch_bytes) {
  std::vector<std::size_t> by_op(graph_.ops.size(), 0);
  const auto is_op = [&](std::size_t step) {
    return ops_[step] != kNone && !std::holds_alternative<FillWork>(steps_[step].work);
  };
  for (std::size_t i = 0; i < steps_.size(); ++i)
    if (is_op(i)) by_op[ops_[i]] = scratch_bytes[i];
  const std::vector<OpId> order = plan_.order;
  plan_ = passes::make_plan(graph_, by_op);
  check(order == plan_.order, "scratch changed the order of ops");

  arena_bytes_ = plan_.arena_bytes;
  for (auto& [input, offset] : relays_) {
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

Address Recipe::address(ValueId value) const {
  const Address address = passes::address_of(plan_, graph_, value);
  const auto copy = address.base == Address::Base::input ? relays_.find(address.index) : relays_.end();
  return copy == relays_.end() ? address : Address{Address::Base::arena, 0, copy->second + address.offset};
}

}  // namespace weft::cpu
