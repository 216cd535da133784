// Rounds the operands of matmuls and convolutions to bf16 for tensor cores: each operand becomes a cast, which moves
// into the kernel that makes it. A matmul accumulates in f32 and returns f32. A convolution accumulates in f32 too but
// returns bf16, because libraries offer no f32 result; its readers read a cast of the result.
#include "ir/contraction.h"
#include "passes/passes.h"
#include "passes/rewriter.h"

namespace weft::passes {

using ir::Attr;
using ir::DType;
using ir::Op;
using ir::OpCode;
using ir::ValueId;

namespace {

// Casts below views and reshapes: one kernel rounds the flat vector of params once, and no reshape separates a cast
// from the kernel it belongs to.
Expr narrowed(ValueId value, Rewriter& rewriter) {
  const Op* op = rewriter.source().producer(value);
  const ir::Type& type = rewriter.source().type(value);
  if (op && op->code == OpCode::view)
    return view(narrowed(op->operands[0], rewriter), op->attrs.integer(Attr::offset), {DType::bf16, type.dims});
  if (op && op->code == OpCode::reshape) return reshape(narrowed(op->operands[0], rewriter), type.dims);
  if (op && op->code == OpCode::transpose)
    return transpose(narrowed(op->operands[0], rewriter), op->attrs.integers(Attr::perm));
  return cast(rewriter[value], DType::bf16);
}

// A convolution with a bias operand would round the bias too: leave it unchanged.
bool is_narrowed(const Op& op, const ir::Graph& graph) {
  return (op.code == OpCode::matmul || (ir::is_convolution(op.code) && op.operands.size() == 2)) &&
         graph.type(op.operands[0]).dtype == DType::f32;
}

// Moves a cast behind slices, reshapes and transposes of a convolution's result, so that no op needs the f32 value in
// memory.
std::optional<Expr> moved_below_cast(const Op& op, Rewriter& rewriter) {
  if (op.code != OpCode::slice && op.code != OpCode::reshape && op.code != OpCode::transpose) return {};
  const ir::Graph& made = rewriter.builder().graph();
  const Op* source = made.producer(rewriter[op.operands[0]].id);
  if (!source || source->code != OpCode::cast || made.type(source->operands[0]).dtype != DType::bf16) return {};
  const Expr narrow{&rewriter.builder(), source->operands[0]};
  const ir::Type& type = rewriter.source().type(op.results[0]);
  return cast(apply(op.code, {narrow}, op.attrs, ir::Type{DType::bf16, type.dims}), type.dtype);
}

}  // namespace

GraphPtr bf16(const GraphPtr& graph, Context& context) {
  const GraphPtr narrow = rewrite(graph, [&](const Op& op, Rewriter& rewriter) -> std::optional<Expr> {
    if (!is_narrowed(op, *graph)) return moved_below_cast(op, rewriter);
    const bool stays_wide = op.code == OpCode::matmul;
    std::vector<Expr> operands;
    for (std::size_t i = 0; i < op.operands.size(); ++i)
      operands.push_back(i == 2 ? rewriter[op.operands[i]] : narrowed(op.operands[i], rewriter));
    const ir::Type& type = graph->type(op.results[0]);
    const DType made = stays_wide ? DType::f32 : DType::bf16;
    return cast(apply(op.code, operands, op.attrs, ir::Type{made, type.dims}), DType::f32);
  });
  return narrow == graph ? graph : dce(narrow, context);  // removes views whose f32 values nothing reads any more
}

}  // namespace weft::passes
