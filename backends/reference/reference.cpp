// Runs a graph op by op: a switch from op to kernel, then rounding of each value to its dtype.
#include "backends/reference/reference.h"

#include <array>
#include <type_traits>

#include "backends/reference/kernels.h"
#include "ir/error.h"
#include "ir/layout.h"

namespace weft::reference {

using ir::Attr;
using ir::Op;
using ir::OpCode;
using ir::Type;

namespace {

template <typename Real>
void round_all(Tensor& tensor) {
  if (is_float(tensor.type.dtype) && std::is_same_v<Real, double>) return;
  for (double& each : tensor.data) each = round_to(tensor.type.dtype, each);
}

// Applies `activation` to a contraction's result, which rounds first, as two separate ops would.
template <typename Real>
Tensor activated(Tensor z, const ir::Attrs& attrs) {
  const std::string activation = attrs.text(Attr::activation);
  if (activation.empty()) return z;
  const auto code = ir::parse_op(activation);
  check(code.has_value(), "an activation is an elementwise op");
  round_all<Real>(z);
  return elementwise<Real>(*code, {&z}, z.type);
}

// The result of an op with a single result.
template <typename Real>
Tensor evaluate(const Op& op, const Operands& x, const Type& type) {
  if (ir::is_elementwise(op.code)) return elementwise<Real>(op.code, x, type);
  switch (op.code) {
    case OpCode::constant:
      return constant(op.attrs, type);
    case OpCode::iota:
      return iota(op.attrs, type);
    case OpCode::dim_size:
      return dim_size(op.attrs, type);
    case OpCode::random_uniform:
      return random_uniform<Real>(*x[0], op.attrs, type);
    case OpCode::random_normal:
      return random_normal<Real>(*x[0], op.attrs, type);
    case OpCode::reduce_sum:
      return reduce_sum(*x[0], type);
    case OpCode::reduce_max:
      return reduce_max(*x[0], type);
    case OpCode::matmul:
      return activated<Real>(matmul(x, op.attrs, type), op.attrs);
    case OpCode::conv2d:
      return activated<Real>(conv2d(x, op.attrs, type), op.attrs);
    case OpCode::conv_transpose2d:
      return activated<Real>(conv_transpose2d(x, op.attrs, type), op.attrs);
    case OpCode::conv2d_weight_grad:
      return conv2d_weight_grad(*x[0], *x[1], op.attrs, type);
    case OpCode::similarity_lse:
      return similarity_lse(x, type);
    case OpCode::similarity_lse_grad:
      return similarity_lse_grad(x, type);
    case OpCode::similarity_tiles:
      return similarity_tiles(*x[0], type);
    case OpCode::max_pool2d:
      return max_pool2d(*x[0], op.attrs, type);
    case OpCode::max_pool2d_grad:
      return max_pool2d_grad(*x[0], *x[1], op.attrs, type);
    case OpCode::avg_pool2d:
      return avg_pool2d(*x[0], op.attrs, type);
    case OpCode::avg_pool2d_grad:
      return avg_pool2d_grad(*x[0], op.attrs, type);
    case OpCode::broadcast:
      return broadcast(*x[0], type);
    case OpCode::reshape:
      return reshape(*x[0], type);
    case OpCode::transpose:
      return transpose(*x[0], op.attrs, type);
    case OpCode::slice:
      return slice(*x[0], op.attrs, type);
    case OpCode::pad:
      return pad(*x[0], op.attrs, type);
    case OpCode::concat:
      return concat(x, op.attrs, type);
    case OpCode::gather:
      return gather(*x[0], *x[1], type);
    case OpCode::scatter_add:
      return scatter_add(*x[0], *x[1], type);
    case OpCode::affine_sample:
      return affine_sample(*x[0], *x[1], type);
    case OpCode::affine_sample_grad:
      return affine_sample_grad(*x[0], *x[1], type);
    case OpCode::pack:
      return pack(x, op.attrs, type);
    case OpCode::view:
      return view(*x[0], op.attrs, type);
#define ELEMENTWISE(name, ...) case OpCode::name:
#include "ir/ops.def"
    case OpCode::fused:
      break;
  }
  throw InternalError("evaluate: a fused op has many results");
}

// An nhwc op equals the nchw op between transposes.
template <typename Real>
Tensor evaluate_nhwc(const Op& op, Operands operands, const Type& type) {
  std::vector<Tensor> images;
  images.reserve(operands.size());
  const auto turned = [](const Tensor& x, const std::vector<std::int64_t>& perm) {
    return transpose(x, ir::Attrs().set(ir::Attr::perm, perm), ir::permute_image(x.type, perm));
  };
  for (std::size_t i = 0; i < operands.size(); ++i)
    if (ir::is_image_operand(op.code, i)) {
      images.push_back(turned(*operands[i], ir::kNhwcToNchw));
      operands[i] = &images.back();
    }
  Op plain = op;
  plain.attrs.set(ir::Attr::layout, std::string("nchw"));
  if (!ir::makes_image(op.code)) return evaluate<Real>(plain, operands, type);
  return turned(evaluate<Real>(plain, operands, ir::to_nchw(type)), ir::kNchwToNhwc);
}

template <typename Real>
std::vector<Tensor> run_body(const ir::Graph& body, const Operands& operands) {
  std::vector<Tensor> inputs;
  for (const Tensor* operand : operands) inputs.push_back(*operand);
  return run<Real>(body, inputs);
}

template <typename Real>
std::vector<Tensor> results_of(const ir::Graph& graph, const Op& op, const Operands& operands) {
  try {
    if (op.code == OpCode::fused) return run_body<Real>(*op.body, operands);
    const Type& type = graph.type(op.results.front());
    if (ir::has_layout(op.code) && ir::is_nhwc(op.attrs)) return {evaluate_nhwc<Real>(op, operands, type)};
    return {evaluate<Real>(op, operands, type)};
  } catch (const Error& error) {
    if (op.code == OpCode::fused) throw;  // the error of the body's op already has its location
    const std::string place = to_string(op.location);
    fail("{}{}[{}] {}", place, place.empty() ? "" : ": ", name(op.code), error.what());
  }
}

void check_inputs(const ir::Graph& graph, const std::vector<Tensor>& inputs) {
  if (inputs.size() != graph.inputs.size())
    fail("graph @{} takes {} inputs, got {}", graph.name, graph.inputs.size(), inputs.size());
  for (std::uint32_t i = 0; i < inputs.size(); ++i) {
    const Type& type = graph.type(graph.inputs[i].value);
    if (!type.is_static())
      fail("input %{} of graph @{} is {}: bind its symbols before it can run", graph.input_name(i), graph.name,
           to_string(type));
    if (inputs[i].type != type || inputs[i].data.size() != std::size_t(type.elements()))
      fail("input %{} of graph @{} is {}, got {} with {} elements", graph.input_name(i), graph.name, to_string(type),
           to_string(inputs[i].type), inputs[i].data.size());
  }
}

}  // namespace

template <typename Real>
std::vector<Tensor> run(const ir::Graph& graph, const std::vector<Tensor>& inputs) {
  check_inputs(graph, inputs);
  std::vector<Tensor> values(graph.values.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Tensor& value = values[graph.inputs[i].value];
    value = inputs[i];
    round_all<Real>(value);
  }
  for (const Op& op : graph.ops) {
    Operands operands;
    for (const ir::ValueId operand : op.operands) operands.push_back(&values[operand]);
    std::vector<Tensor> results = results_of<Real>(graph, op, operands);
    for (std::size_t i = 0; i < results.size(); ++i) {
      round_all<Real>(results[i]);
      values[op.results[i]] = std::move(results[i]);
    }
  }
  std::vector<Tensor> outputs;
  for (const ir::Output& output : graph.outputs) outputs.push_back(values[output.value]);
  return outputs;
}

template std::vector<Tensor> run<float>(const ir::Graph&, const std::vector<Tensor>&);
template std::vector<Tensor> run<double>(const ir::Graph&, const std::vector<Tensor>&);

}  // namespace weft::reference
