// Elementwise ops: those whose row names an operator, and compositions for those that ONNX lacks or has in another
// form.
#include "backends/onnx/ops.h"
#include "ir/error.h"

namespace weft::onnx {

using ir::DType;
using ir::Op;
using ir::OpCode;

namespace {

// (e^x + 1) tanh(x/2) = e^x - 1, which keeps its digits near 0.
std::string expm1(Emitter& emit, const Op& op) {
  const std::string& x = emit[op.operands[0]];
  const DType dtype = emit.result_type(op).dtype;
  const std::string tanh = emit.node("Tanh", {emit.node("Mul", {x, emit.scalar(0.5, dtype)})});
  const std::string sum = emit.node("Add", {emit.node("Exp", {x}), emit.scalar(1, dtype)});
  return emit.node("Mul", {sum, tanh});
}

// With u = 1 + x rounded, log(u) x / (u - 1) takes the rounding back (Kahan); x itself where u is 1, and log(u) where x
// is so large that u is x.
std::string log1p(Emitter& emit, const Op& op) {
  const std::string& x = emit[op.operands[0]];
  const std::string one = emit.scalar(1, emit.result_type(op).dtype);
  const std::string u = emit.node("Add", {x, one});
  const std::string log = emit.node("Log", {u});
  const std::string ratio = emit.node("Div", {x, emit.node("Sub", {u, one})});
  const std::string corrected = emit.node("Mul", {log, ratio});
  const std::string small = emit.node("Where", {emit.node("Equal", {u, one}), x, corrected});
  return emit.node("Where", {emit.node("Equal", {u, x}), log, small});
}

std::string cast(Emitter& emit, const Op& op) {
  return emit.node("Cast", emit[op.operands],
                   {{"to", static_cast<std::int64_t>(data_type(emit.result_type(op).dtype))}});
}

std::string select(Emitter& emit, const Op& op) {
  const std::vector<std::string> x = emit[op.operands];
  if (emit.result_type(op).dtype != DType::boolean) return emit.node("Where", x);
  // onnxruntime has no Where of bools.
  const std::string chosen = emit.node("And", {x[0], x[1]});
  return emit.node("Or", {chosen, emit.node("And", {emit.node("Not", {x[0]}), x[2]})});
}

}  // namespace

std::string translate_elementwise(Emitter& emit, const Op& op) {
  const auto one = [&](std::string_view node) { return emit.node(std::string(node), emit[op.operands]); };
  const std::string_view alone = ir::info(op.code).onnx;
  if (!alone.empty()) return one(alone);
  if (op.code == OpCode::expm1) return expm1(emit, op);
  if (op.code == OpCode::log1p) return log1p(emit, op);
  if (op.code == OpCode::cast) return cast(emit, op);
  if (op.code == OpCode::select) return select(emit, op);
  if (op.code == OpCode::rsqrt) return emit.node("Reciprocal", {one("Sqrt")});
  if (op.code == OpCode::ne) return emit.node("Not", {one("Equal")});
  check(op.code == OpCode::stop_gradient,
        "the row of an elementwise op names its ONNX operator, or it is composed here");
  return emit[op.operands[0]];
}

}  // namespace weft::onnx
