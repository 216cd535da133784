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
  const auto first = [&] { return emit[op.operands[0]]; };
  const auto first_dims = [&] { return emit.type(op.operands[0]).dims; };
  if (ir::is_elementwise(op.code)) return translate_elementwise(emit, op);
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
    case OpCode::similarity_tiles:
    case OpCode::fused:
      fail_lowered(op);
#define ELEMENTWISE(name, ...) case OpCode::name:
#include "ir/ops.def"
      break;
  }
  throw InternalError("onnx: an op without a case");
}

}  // namespace weft::onnx
