// Which op has which form.
#include "backends/onnx/ops.h"

#include "ir/error.h"

namespace weft::onnx {

using ir::Attr;
using ir::Op;
using ir::OpCode;

namespace {

[[noreturn]] void fail_op(const Op& op, const std::string& why) {
  const std::string place = ir::to_string(op.location);
  fail("{}{}[{}] has no ONNX form: {}", place, place.empty() ? "" : ": ", ir::name(op.code), why);
}

[[noreturn]] void fail_gradient(const Op& op) {
  fail_op(op,
          "it belongs to a training step, and ONNX files hold inference; export an entry such as encode, as it is "
          "before differentiate");
}

[[noreturn]] void fail_lowered(const Op& op) {
  fail_op(op, "it is what passes make on the way to a backend; export the graph as the model's code builds it");
}

std::string constant(Emitter& emit, const Op& op) {
  const std::vector<double>& values = op.attrs.numbers(Attr::values);
  const ir::Type& type = emit.result_type(op);
  if (values.size() > 1) return emit.numbers(values, type);
  return emit.expand(emit.scalar(values.front(), type.dtype), {}, type.dims);
}

std::string reduce_sum(Emitter& emit, const Op& op) {
  return emit.node("ReduceSum", {emit[op.operands[0]], emit.integers(op.attrs.integers(Attr::axes))});
}

std::string reduce_max(Emitter& emit, const Op& op) {
  return emit.node("ReduceMax", emit[op.operands], {{"axes", op.attrs.integers(Attr::axes)}});
}

std::string transpose(Emitter& emit, const Op& op) {
  return emit.node("Transpose", emit[op.operands], {{"perm", op.attrs.integers(Attr::perm)}});
}

}  // namespace

std::string translate(Emitter& emit, const Op& op) {
  const auto one = [&](const char* node) { return emit.node(node, emit[op.operands]); };
  const auto first = [&] { return emit[op.operands[0]]; };
  const auto first_dims = [&] { return emit.type(op.operands[0]).dims; };
  switch (op.code) {
    case OpCode::constant:
      return constant(emit, op);
    case OpCode::iota:
      return translate_iota(emit, op);
    case OpCode::dim_size:
      return translate_dim_size(emit, op);
    case OpCode::random_uniform:
    case OpCode::random_normal:
      return translate_random(emit, op);
    case OpCode::neg:
      return one("Neg");
    case OpCode::abs:
      return one("Abs");
    case OpCode::sign:
      return one("Sign");
    case OpCode::floor:
      return one("Floor");
    case OpCode::exp:
      return one("Exp");
    case OpCode::expm1:
      return translate_expm1(emit, op);
    case OpCode::log:
      return one("Log");
    case OpCode::log1p:
      return translate_log1p(emit, op);
    case OpCode::sqrt:
      return one("Sqrt");
    case OpCode::rsqrt:
      return emit.node("Reciprocal", {one("Sqrt")});
    case OpCode::sin:
      return one("Sin");
    case OpCode::cos:
      return one("Cos");
    case OpCode::tanh:
      return one("Tanh");
    case OpCode::sigmoid:
      return one("Sigmoid");
    case OpCode::softplus:
      return one("Softplus");
    case OpCode::erf:
      return one("Erf");
    case OpCode::relu:
      return one("Relu");
    case OpCode::logical_not:
      return one("Not");
    case OpCode::cast:
      return translate_cast(emit, op);
    case OpCode::stop_gradient:
      return first();
    case OpCode::add:
      return one("Add");
    case OpCode::sub:
      return one("Sub");
    case OpCode::mul:
      return one("Mul");
    case OpCode::div:
      return one("Div");
    case OpCode::pow:
      return one("Pow");
    case OpCode::max:
      return one("Max");
    case OpCode::min:
      return one("Min");
    case OpCode::eq:
      return one("Equal");
    case OpCode::ne:
      return emit.node("Not", {one("Equal")});
    case OpCode::lt:
      return one("Less");
    case OpCode::le:
      return one("LessOrEqual");
    case OpCode::gt:
      return one("Greater");
    case OpCode::ge:
      return one("GreaterOrEqual");
    case OpCode::logical_and:
      return one("And");
    case OpCode::logical_or:
      return one("Or");
    case OpCode::select:
      return translate_select(emit, op);
    case OpCode::reduce_sum:
      return reduce_sum(emit, op);
    case OpCode::reduce_max:
      return reduce_max(emit, op);
    case OpCode::matmul:
      return translate_matmul(emit, op);
    case OpCode::conv2d:
    case OpCode::conv_transpose2d:
      return translate_convolution(emit, op);
    case OpCode::max_pool2d:
    case OpCode::avg_pool2d:
      return translate_pooling(emit, op);
    case OpCode::broadcast:
      return emit.expand(first(), first_dims(), emit.result_type(op).dims);
    case OpCode::reshape:
      return emit.reshape(first(), first_dims(), emit.result_type(op).dims);
    case OpCode::transpose:
      return transpose(emit, op);
    case OpCode::slice:
      return translate_slice(emit, op);
    case OpCode::pad:
      return translate_pad(emit, op);
    case OpCode::concat:
      return emit.node("Concat", emit[op.operands], {{"axis", op.attrs.integer(Attr::axis)}});
    case OpCode::gather:
      return translate_gather(emit, op);
    case OpCode::scatter_add:
      return translate_scatter_add(emit, op);
    case OpCode::affine_sample:
      return translate_affine_sample(emit, op);
    case OpCode::conv2d_weight_grad:
    case OpCode::max_pool2d_grad:
    case OpCode::avg_pool2d_grad:
    case OpCode::affine_sample_grad:
    case OpCode::similarity_lse_grad:
    case OpCode::pack:
    case OpCode::view:
      fail_gradient(op);
    case OpCode::similarity_lse:
    case OpCode::similarity_pair:
    case OpCode::similarity_tiles:
    case OpCode::fused:
      fail_lowered(op);
  }
  throw InternalError("onnx: an op without a case");
}

}  // namespace weft::onnx
