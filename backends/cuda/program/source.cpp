// Emits the code of ops in turn, each under its location in the user's model.
#include "backends/cuda/program/source.h"

#include <cctype>

#include "backends/cuda/ops/op_kernel.h"
#include "backends/cuda/program/contraction.h"
#include "ir/builder.h"
#include "ir/error.h"
#include "ir/kernel/lower.h"
#include "ir/kernel/region.h"
#include "ir/memory_layout.h"
#include "ir/visible.h"
#include "passes/layout/kept_layouts.h"

namespace weft::cuda {

using ir::Graph;
using ir::Op;
using ir::OpCode;
using ir::ValueId;
using passes::Plan;

namespace {

constexpr std::size_t kLongestName = 60;

// A kernel's name, made from the names of its results.
std::string kernel_name(const Graph& graph, const Op& op, std::size_t number) {
  std::string name = fmt::format("kernel_{}", number);
  for (const ValueId result : op.results)
    for (const char c : "_" + graph.values[result].name)
      if (name.size() < kLongestName) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

std::vector<kernel::Strides> strides_of(const Plan& plan, const std::vector<ValueId>& values) {
  std::vector<kernel::Strides> strides;
  for (const ValueId value : values) strides.push_back(plan.places[value].strides);
  return strides;
}

std::vector<ValueId> values_of(const Op& op) {
  std::vector<ValueId> values = op.operands;
  values.insert(values.end(), op.results.begin(), op.results.end());
  return values;
}

// A body of one op over inputs of these types.
Graph body_of(OpCode code, const std::vector<ir::Type>& operands, const ir::Attrs& attrs, const ir::Type& result) {
  ir::Builder builder("single");
  std::vector<ValueId> inputs;
  for (std::size_t i = 0; i < operands.size(); ++i)
    inputs.push_back(builder.input(fmt::format("in{}", i), operands[i]));
  builder.output("out", builder.create(code, inputs, attrs, result));
  return builder.take();
}

EmittedKernel lone_kernel(const Graph& graph, const Plan& plan, const Op& op, const std::string& name) {
  std::vector<ir::Type> operands;
  for (const ValueId value : op.operands) operands.push_back(graph.type(value));
  const Graph body = body_of(op.code, operands, op.attrs, graph.type(op.results[0]));
  return emit(kernel::lower(body, strides_of(plan, op.operands), strides_of(plan, op.results), name));
}

// Zeros everywhere, then the operand in its box.
std::vector<OpKernel> pad_kernels(const Graph& graph, const Plan& plan, const Op& op, const std::string& name) {
  const ir::Type &from = graph.type(op.operands[0]), &to = graph.type(op.results[0]);
  const kernel::Strides& strides = plan.places[op.results[0]].strides;
  ir::Attrs zero;
  zero.set(ir::Attr::values, std::vector<double>{0});
  const Graph zeros = body_of(OpCode::constant, {}, zero, to), copy = body_of(OpCode::cast, {from}, {}, from);
  std::int64_t offset = 0;
  const std::vector<std::int64_t> start = ir::numbers(op.attrs.dims(ir::Attr::start));
  for (std::size_t dim = 0; dim < start.size(); ++dim) offset += start[dim] * strides[dim];
  return {{ir::kNone, emit(kernel::lower(zeros, {}, {strides}, name + "_zeros")), {op.results[0]}},
          {ir::kNone,
           emit(kernel::lower(copy, strides_of(plan, op.operands), {strides}, name)),
           {op.operands[0], op.results[0]},
           offset * std::int64_t(ir::size_of(to.dtype))}};
}

std::vector<OpKernel> kernels_of(const Graph& graph, const Plan& plan, const Op& op, const std::string& name) {
  const auto one = [&](EmittedKernel kernel) -> std::vector<OpKernel> {
    return {{ir::kNone, std::move(kernel), values_of(op)}};
  };
  if (op.code == OpCode::fused)
    return one(emit(kernel::lower(*op.body, strides_of(plan, op.operands), strides_of(plan, op.results), name)));
  if (has_op_kernel(op.code)) return one(emit_op(graph, op, name));
  if (op.code == OpCode::pad) return pad_kernels(graph, plan, op, name);
  if (kernel::is_kernel_op(graph, op)) return one(lone_kernel(graph, plan, op, name));
  fail("{}: the backend cuda has no code for {} of {}", to_string(op.location), ir::name(op.code),
       to_string(graph.type(op.results[0])));
}

// Copies the input from its layout to row-major.
OpKernel relayout_kernel(const Graph& graph, std::uint32_t index) {
  const ir::Input& input = graph.inputs[index];
  const ir::Type& type = graph.type(input.value);
  const auto layout = ir::parse_memory_layout(input.layout);
  check(layout && layout->blocks.empty(), "convolution weights are not blocked on cuda");
  const std::vector<std::int64_t> dims = ir::numbers(type.dims);
  kernel::Strides strides(dims.size(), 1);
  std::int64_t stride = 1;
  for (std::size_t i = layout->order.size(); i-- > 0; stride *= dims[layout->order[i]])
    strides[layout->order[i]] = stride;
  const Graph copy = body_of(OpCode::cast, {type}, {}, type);
  OpKernel made;
  made.kernel = emit(kernel::lower(copy, {strides}, {ir::row_major(dims)}, fmt::format("relayout_{}", index)));
  made.relayouts = index;
  return made;
}

std::string comment_of(const Op& op) {
  const std::string location = comment_text(to_string(op.location));
  return location.empty() ? "" : fmt::format("// {}\n", location);
}

}  // namespace

std::vector<OpKernel> kernels_of(const Graph& graph, const Plan& plan) {
  std::vector<OpKernel> kernels;
  const passes::KeptLayouts kept(graph);
  for (const std::uint32_t input : kept.relaid()) kernels.push_back(relayout_kernel(graph, input));
  for (const ir::OpId id : plan.order) {
    const Op& op = graph.ops[id];
    if (is_contraction(graph, op)) continue;
    for (OpKernel& each : kernels_of(graph, plan, op, kernel_name(graph, op, kernels.size()))) {
      each.op = id;
      each.kernel.text = comment_of(op) + each.kernel.text;
      kernels.push_back(std::move(each));
    }
  }
  return kernels;
}

}  // namespace weft::cuda
