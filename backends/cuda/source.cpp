// One op after the other, each with its place in the user's model above its code.
#include "backends/cuda/source.h"

#include <cctype>

#include "backends/cuda/library_op.h"
#include "backends/kernel/lower.h"
#include "ir/error.h"

namespace weft::cuda {

using ir::Graph;
using ir::Op;
using ir::OpCode;
using ir::ValueId;
using passes::Plan;

namespace {

constexpr std::size_t kLongestName = 60;

// A kernel's name: what it is for, by the names of its results.
std::string kernel_name(const Graph& graph, const Op& op, std::size_t number) {
  std::string name = fmt::format("kernel_{}", number);
  for (const ValueId result : op.results)
    for (const char c : "_" + graph.values[result].name)
      if (name.size() < kLongestName) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

EmittedKernel fused_kernel(const Plan& plan, const Op& op, const std::string& name) {
  std::vector<kernel::Strides> inputs, outputs;
  for (const ValueId value : op.operands) inputs.push_back(plan.places[value].strides);
  for (const ValueId value : op.results) outputs.push_back(plan.places[value].strides);
  return emit(kernel::lower(*op.body, inputs, outputs, name));
}

EmittedKernel kernel_of(const Graph& graph, const Plan& plan, const Op& op, const std::string& name) {
  if (op.code == OpCode::fused) return fused_kernel(plan, op, name);
  fail("{}: the backend cuda has no code for {} of {}", to_string(op.where), ir::name(op.code),
       to_string(graph.type(op.results[0])));
}

// A name made of a file of the user can not end a comment: it is of one line.
std::string comment_of(const Op& op) {
  const std::string where = to_string(op.where);
  return where.empty() ? "" : fmt::format("// {}\n", where);
}

}  // namespace

std::vector<OpKernel> kernels_of(const Graph& graph, const Plan& plan) {
  std::vector<OpKernel> kernels;
  for (const ir::OpId id : plan.order) {
    const Op& op = graph.ops[id];
    if (is_library_op(graph, op)) continue;
    kernels.push_back({id, kernel_of(graph, plan, op, kernel_name(graph, op, kernels.size()))});
    kernels.back().kernel.text = comment_of(op) + kernels.back().kernel.text;
  }
  return kernels;
}

}  // namespace weft::cuda
