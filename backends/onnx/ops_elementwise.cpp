// The elementwise functions that ONNX lacks, or has in another form.
#include "backends/onnx/ops.h"

namespace weft::onnx {

using ir::DType;
using ir::Op;

// (e^x + 1) tanh(x/2) = e^x - 1, which keeps its digits near 0.
std::string translate_expm1(Emitter& emit, const Op& op) {
  const std::string& x = emit[op.operands[0]];
  const DType dtype = emit.result_type(op).dtype;
  const std::string tanh = emit.node("Tanh", {emit.node("Mul", {x, emit.scalar(0.5, dtype)})});
  const std::string sum = emit.node("Add", {emit.node("Exp", {x}), emit.scalar(1, dtype)});
  return emit.node("Mul", {sum, tanh});
}

// With u = 1 + x rounded, log(u) x / (u - 1) takes the rounding back (Kahan); x itself where u is 1, and log(u) where x
// is so large that u is x.
std::string translate_log1p(Emitter& emit, const Op& op) {
  const std::string& x = emit[op.operands[0]];
  const std::string one = emit.scalar(1, emit.result_type(op).dtype);
  const std::string u = emit.node("Add", {x, one});
  const std::string log = emit.node("Log", {u});
  const std::string ratio = emit.node("Div", {x, emit.node("Sub", {u, one})});
  const std::string corrected = emit.node("Mul", {log, ratio});
  const std::string small = emit.node("Where", {emit.node("Equal", {u, one}), x, corrected});
  return emit.node("Where", {emit.node("Equal", {u, x}), log, small});
}

std::string translate_cast(Emitter& emit, const Op& op) {
  return emit.node("Cast", emit[op.operands],
                   {{"to", static_cast<std::int64_t>(data_type(emit.result_type(op).dtype))}});
}

std::string translate_select(Emitter& emit, const Op& op) {
  const std::vector<std::string> x = emit[op.operands];
  if (emit.result_type(op).dtype != DType::boolean) return emit.node("Where", x);
  // onnxruntime has no Where of bools.
  const std::string chosen = emit.node("And", {x[0], x[1]});
  return emit.node("Or", {chosen, emit.node("And", {emit.node("Not", {x[0]}), x[2]})});
}

}  // namespace weft::onnx
