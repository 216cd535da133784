// What runs each op.
#include "backends/cpu/program/schedule.h"

#include <algorithm>
#include <cctype>

#include "backends/cpu/im2col.h"
#include "backends/cpu/similarity/kernels.h"
#include "backends/cpu/threads/memory.h"
#include "ir/error.h"
#include "ir/kernel/lower.h"
#include "ir/layout.h"

namespace weft::cpu {

using ir::Graph;
using ir::kNone;
using ir::Op;
using ir::OpCode;
using ir::OpId;
using ir::ValueId;

static_assert(kCacheLine == passes::kAlignment, "inputs and outputs are aligned like the planner's buffers");

namespace {

std::optional<weft_similarity> similarity_code(OpCode code) {
  if (code == OpCode::similarity_lse) return WEFT_SIMILARITY_LSE;
  if (code == OpCode::similarity_lse_grad) return WEFT_SIMILARITY_GRADIENT;
  if (code == OpCode::similarity_tiles) return WEFT_SIMILARITY_TILES;
  return {};
}

// The tiles that the op makes or reads, if any.
const ir::Type* tiles_of(const Graph& graph, const Op& op) {
  const ir::Type& last = graph.type(op.code == OpCode::similarity_tiles ? op.results[0] : op.operands.back());
  return last.rank() == 3 ? &last : nullptr;
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
  if (!std::ranges::all_of(op.operands, is_flat) || !std::ranges::all_of(op.results, is_flat)) return {};
  std::vector<std::int64_t> cuts = graph.producer(*found)->attrs.integers(ir::Attr::offsets);
  cuts.push_back(0);
  cuts.push_back(graph.type(*found).elements());
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

weft_pooling_step pooling_of(const Graph& graph, const Op& op) {
  const bool is_max = op.code == OpCode::max_pool2d || op.code == OpCode::max_pool2d_grad;
  const bool is_gradient = op.code == OpCode::max_pool2d_grad || op.code == OpCode::avg_pool2d_grad;
  const auto in = ir::numbers(graph.type(is_gradient ? op.results[0] : op.operands[0]).dims);
  const auto out = ir::numbers(graph.type(is_gradient ? op.operands.back() : op.results[0]).dims);
  weft_pooling_step table{};
  table.code = is_max ? (is_gradient ? WEFT_POOL_MAX_GRADIENT : WEFT_POOL_MAX)
                      : (is_gradient ? WEFT_POOL_AVERAGE_GRADIENT : WEFT_POOL_AVERAGE);
  table.images = in[0];
  table.channels = in[3];
  std::copy_n(in.begin() + 1, 2, table.in);
  std::copy_n(out.begin() + 1, 2, table.out);
  std::ranges::copy(op.attrs.integers(ir::Attr::kernel), table.kernel);
  std::ranges::copy(op.attrs.integers(ir::Attr::stride), table.stride);
  std::ranges::copy(op.attrs.integers(ir::Attr::padding), table.padding);
  return table;
}

}  // namespace

bool goes_by_winograd(const weft_convolution_step& table, const ScheduleOptions& options) {
  if (!options.winograd || options.contractions == Contractions::onednn || *table.weights_layout != 0) return false;
  return suits_winograd(table) &&
         (options.contractions == Contractions::generated || is_faster_by_winograd(table, options.avx512));
}

Schedule::Schedule(const Graph& graph, const ScheduleOptions& options)
    : weft::Schedule(graph, kCacheLine), options_(options) {
  add_all();
}

void Schedule::set_kernel(std::size_t index, const weft_kernel& kernel) {
  weft_kernel& table = *tables_of_kernels_[index];
  const char* const name = table.name;
  table = kernel;
  table.name = name;
}

// Weights that ops other than convolutions read are copied to row-major order first.
void Schedule::add_relayout(std::uint32_t index) {
  const ir::Input& input = graph_.inputs[index];
  const std::vector<std::int64_t> dims = ir::numbers(graph_.type(input.value).dims);
  add_step(weft_relayout_step{tables_.text(input.layout), tables_.list(dims), int(dims.size())},
           "relayout " + graph_.input_name(index), {input.value}, kNone);
}

void Schedule::add_op(OpId id) {
  const Op& op = graph_.ops[id];
  const auto is_f32 = [&](ValueId value) { return graph_.type(value).dtype == ir::DType::f32; };
  if (op.code == OpCode::fused) return add_fused(id);
  if (std::ranges::all_of(op.results, is_f32) && std::ranges::all_of(op.operands, is_f32)) {
    if (ir::is_convolution(op.code)) return add_convolution(id);
    if (const auto code = similarity_code(op.code)) return add_similarity(id, *code);
    if (op.code == OpCode::matmul) return add_matmul(id);
    if (ir::info(op.code).kind == ir::OpKind::pooling && ir::is_nhwc(op.attrs))
      return add_step(pooling_of(graph_, op), id);
  }
  add_reference(id);
}

// The reference interpreter runs it.
void Schedule::add_reference(OpId id) {
  const Op& op = graph_.ops[id];
  add_step(WEFT_STEP_CUSTOM, nullptr, name_of(op), values_of(op), id, 0);
}

void Schedule::add_fused(OpId id) {
  const Op& op = graph_.ops[id];
  std::vector<kernel::Strides> inputs, outputs;
  for (const ValueId value : op.operands) inputs.push_back(plan_.places[value].strides);
  for (const ValueId value : op.results) outputs.push_back(plan_.places[value].strides);
  const std::vector<std::int64_t> cuts = cuts_of(graph_, op);
  const weft_kernel* kernel = add_kernel(kernel::lower(*op.body, inputs, outputs, kernel_name(op)));
  add_step(weft_kernel_step{kernel, tables_.list(cuts), int(cuts.size()), cuts.empty() ? 0 : cuts.back()}, kernel->name,
           values_of(op), id);
}

void Schedule::add_similarity(OpId id, weft_similarity code) {
  const Op& op = graph_.ops[id];
  const auto dims = ir::numbers(graph_.type(op.operands[0]).dims);
  const SimilarityShape shape(dims[0], dims[1]);
  const ir::Type* tiles = tiles_of(graph_, op);
  if (tiles && tiles->dims[1].factor != shape.block) return add_reference(id);  // from a hand-written graph
  const std::string name = kernel_name(op);
  std::vector<kernel::Kernel> made;
  if (code != WEFT_SIMILARITY_TILES)
    made = code == WEFT_SIMILARITY_GRADIENT ? lse_grad_kernels(shape, name) : lse_kernels(shape, name);
  std::vector<const weft_kernel*> kernels;
  for (kernel::Kernel& each : made) kernels.push_back(add_kernel(std::move(each)));
  add_step(weft_similarity_step{code, dims[0], dims[1], tables_.list(kernels), int(kernels.size())}, id);
}

void Schedule::add_matmul(OpId id) {
  const Op& op = graph_.ops[id];
  const weft_matmul_step table = matmul(op);
  if (options_.contractions != Contractions::generated) return add_step(table, id);
  const weft_kernel* kernel =
      add_kernel(Matmul{kernel_name(op), table.a, table.b, table.result, table.bias != 0, table.activation});
  add_step(weft_kernel_step{kernel, nullptr, 0, 0}, id);
}

void Schedule::add_convolution(OpId id) {
  const Op& op = graph_.ops[id];
  weft_convolution_step table = convolution(op);
  table.winograd = int(options_.winograd);
  if (goes_by_winograd(table, options_)) return add_winograd(id, table);
  if (options_.contractions != Contractions::generated) return add_step(table, id);
  weft_im2col_step columns = columns_of(table);
  columns.matmul = add_kernel(matmul_of(columns, table.activation, kernel_name(op)));
  add_step(columns, id);
}

void Schedule::add_winograd(OpId id, const weft_convolution_step& table) {
  const std::string name = kernel_name(graph_.ops[id]);
  if (table.direction == WEFT_BACK_TO_W) {
    const weft_kernel* weights = add_kernel(winograd_of(table, WinogradPart::weights, name));
    return add_step(weft_kernel_step{weights, nullptr, 0, 0}, id);
  }
  const weft_kernel* transform = add_kernel(winograd_of(table, WinogradPart::kernels, name + "_kernels"));
  const weft_kernel* result = add_kernel(winograd_of(table, WinogradPart::result, name));
  add_step(weft_winograd_step{table.bias, aligned(winograd_kernels_bytes(table)), transform, result}, id);
}

const weft_kernel* Schedule::add_kernel(KernelSource source) {
  const std::string& name = std::visit([](const auto& each) -> const std::string& { return each.name; }, source);
  tables_of_kernels_.push_back(tables_.keep(weft_kernel{tables_.text(name), nullptr, nullptr, 0, 0, 0}));
  kernels_.push_back(std::move(source));
  return tables_of_kernels_.back();
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

}  // namespace weft::cpu
