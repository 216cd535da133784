// Dispatches ops to their kernels, and fills in templates.
#include "backends/cuda/ops/op_kernel.h"

#include <algorithm>
#include <cctype>

#include "backends/cuda/codegen/plan.h"
#include "backends/cuda/codegen/text.h"
#include "ir/error.h"

namespace weft::cuda {

using ir::OpCode;

bool has_op_kernel(OpCode code) {
  return ir::info(code).kind == ir::OpKind::pooling || code == OpCode::scatter_add ||
         code == OpCode::affine_sample_grad || code == OpCode::similarity_lse || code == OpCode::similarity_lse_grad;
}

EmittedKernel emit_op(const OpShape& op, const std::string& name) {
  EmittedKernel kernel;
  if (ir::info(op.code).kind == ir::OpKind::pooling)
    kernel = emit_pooling(op, name);
  else if (op.code == OpCode::scatter_add)
    kernel = emit_scatter_add(op, name);
  else if (op.code == OpCode::affine_sample_grad)
    kernel = emit_affine_sample_grad(op, name);
  else if (op.code == OpCode::similarity_lse)
    kernel = emit_similarity_lse(op, name);
  else if (op.code == OpCode::similarity_lse_grad)
    kernel = emit_similarity_lse_grad(op, name);
  else
    throw InternalError(fmt::format("internal error: no hand-written kernel for {}", ir::name(op.code)));
  kernel.name = name;
  kernel.arguments = int(op.operands.size()) + 1;
  return kernel;
}

EmittedKernel emit_op(const ir::Graph& graph, const ir::Op& op, const std::string& name) {
  OpShape shape{op.code, op.attrs, {}, graph.type(op.results[0])};
  for (const ir::ValueId operand : op.operands) shape.operands.push_back(graph.type(operand));
  return emit_op(shape, name);
}

std::string fill_in(const std::string& text, const std::vector<std::pair<std::string, std::string>>& words) {
  const auto belongs = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && belongs(text[end])) ++end;
    const std::string word = text.substr(at, end - at);
    const auto found = std::find_if(words.begin(), words.end(), [&](const auto& each) { return each.first == word; });
    result += found == words.end() ? word : found->second;
    if (end < text.size()) result += text[end++];
    at = end;
  }
  return result;
}

std::vector<std::pair<std::string, std::string>> element_words(const OpShape& op) {
  const ir::DType dtype = op.result.dtype;
  if (!is_float(dtype))
    fail("[{}] on cuda: {} is not a float type; cast it before", ir::name(op.code), ir::name(dtype));
  const std::string suffix = dtype == ir::DType::f32 ? "" : dtype == ir::DType::bf16 ? "_bf16" : "_f16";
  return {{"ELEMENT", element_name(dtype)},
          {"LOAD", suffix.empty() ? "" : "from" + suffix},
          {"STORE", suffix.empty() ? "" : "to" + suffix}};
}

Launch one_each(const std::string& function, std::int64_t items, unsigned threads) {
  return {function, unsigned(ceil_div(items, threads)), threads, 0};
}

}  // namespace weft::cuda
