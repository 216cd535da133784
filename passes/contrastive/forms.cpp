#include "passes/contrastive/forms.h"

#include <cmath>
#include <vector>

#include "passes/rewriter.h"

namespace weft::passes {

using ir::Attr;
using ir::Dims;
using ir::Graph;
using ir::Op;
using ir::OpCode;
using ir::ValueId;

RowForm scaled(RowForm a, double factor) {
  if (factor == 1) return a;
  if (a.rest) a.rest = *a.rest * factor;
  for (auto& [maximum, count] : a.maxima) count *= factor;
  return a;
}

RowForm sum(RowForm a, const RowForm& b) {
  if (b.rest) a.rest = a.rest ? *a.rest + *b.rest : *b.rest;
  for (const auto& [maximum, count] : b.maxima) {
    a.maxima[maximum] += count;
    if (a.maxima[maximum] == 0) a.maxima.erase(maximum);
  }
  return a;
}

bool is_positive(const Graph& graph, ValueId value) {
  const Op* op = graph.producer(value);
  if (!op) {
    for (const ir::Input& input : graph.inputs)
      if (input.value == value) return input.role == ir::Role::hyper && input.init.a > 0;
    return false;
  }
  const auto positive = [&](std::size_t i) { return is_positive(graph, op->operands[i]); };
  if (op->code == OpCode::constant) return uniform_constant(graph, value).value_or(0) > 0;
  if (op->code == OpCode::max) return positive(0) || positive(1);
  if (op->code == OpCode::mul || op->code == OpCode::div || op->code == OpCode::add) return positive(0) && positive(1);
  if (op->code == OpCode::broadcast || op->code == OpCode::reshape || op->code == OpCode::stop_gradient)
    return positive(0);
  return ir::has(op->code, ir::Trait::positive) || op->code == OpCode::sqrt || op->code == OpCode::dim_size;
}

namespace {

// `value` as one positive number per row.
std::optional<Expr> row_factor(const Graph& graph, Rewriter& rewriter, ValueId value, const Dims& column) {
  const Op* op = graph.producer(value);
  if (op && op->code == OpCode::broadcast) return row_factor(graph, rewriter, op->operands[0], column);
  if (graph.type(value).dims != column || !is_positive(graph, value)) return {};
  return rewriter[value];
}

// z = r x, where r collects the per-row factors that the graph applies.
ScaledRows split_rows(const Graph& graph, Rewriter& rewriter, ValueId z) {
  const Op* op = graph.producer(z);
  const Dims column{graph.type(z).dims[0], 1};
  if (op && op->code == OpCode::concat && op->attrs.integer(Attr::axis) == 0) {
    std::vector<Expr> x, r;
    for (const ValueId part : op->operands) {
      const ScaledRows rows = split_rows(graph, rewriter, part);
      x.push_back(rows.x);
      r.push_back(rows.r);
    }
    return {concat(x, 0), concat(r, 0)};
  }
  if (op && (op->code == OpCode::div || op->code == OpCode::mul))
    for (const std::size_t i : {1u, 0u}) {
      if (i == 0 && op->code == OpCode::div) break;
      const std::optional<Expr> r = row_factor(graph, rewriter, op->operands[i], column);
      const ValueId x = op->operands[1 - i];
      if (r && graph.type(x) == graph.type(z)) return {rewriter[x], op->code == OpCode::div ? 1 / *r : *r};
    }
  const Expr whole = rewriter[z];
  return {whole, full(*whole.builder, 1, {whole.dtype(), column})};
}

}  // namespace

ScaledRows scaled_rows(const Graph& graph, Rewriter& rewriter, const MatrixForm& form) {
  ScaledRows rows = split_rows(graph, rewriter, form.z);
  rows.r = rows.r * std::sqrt(std::abs(form.constant));
  if (form.factor) rows.r = rows.r * sqrt(*form.factor);
  return rows;
}

}  // namespace weft::passes
