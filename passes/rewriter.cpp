// Copies graphs through a map of values.
#include "passes/rewriter.h"

#include "ir/bits.h"
#include "ir/error.h"

namespace weft::passes {

using ir::kNone;
using ir::ValueId;

Rewriter::Rewriter(GraphPtr source)
    : source_(std::move(source)),
      builder_(source_->name),
      now_(source_->values.size(), kNone),
      input_indices_(source_->inputs.size(), kNone) {}

Expr Rewriter::operator[](ValueId old) {
  check(now_[old] != kNone, "a pass uses a value before it is made");
  return {&builder_, now_[old]};
}

std::vector<Expr> Rewriter::operator[](const std::vector<ValueId>& old) {
  std::vector<Expr> now;
  for (const ValueId each : old) now.push_back((*this)[each]);
  return now;
}

void Rewriter::map(ValueId old, Expr now) {
  check(now.type() == source_->type(old), "a pass changed the type of a value");
  now_[old] = now.id;
  builder_.set_name(now.id, source_->values[old].name);
  changed_ = true;
}

void Rewriter::copy_input(std::uint32_t index) {
  const ir::Input& input = source_->inputs[index];
  const ir::Value& value = source_->values[input.value];
  input_indices_[index] = std::uint32_t(builder_.graph().inputs.size());
  now_[input.value] = builder_.input(value.name, value.type, input.role, input.init, input.slots, input.layout);
}

void Rewriter::copy_inputs() {
  for (std::uint32_t i = 0; i < source_->inputs.size(); ++i) copy_input(i);
}

void Rewriter::copy(const ir::Op& op) {
  std::vector<ValueId> operands;
  for (const ValueId operand : op.operands) operands.push_back((*this)[operand].id);
  copy(op, std::move(operands));
}

void Rewriter::copy(const ir::Op& op, std::vector<ValueId> operands) {
  builder_.set_where(op.location);
  if (op.code == ir::OpCode::fused) {
    const std::vector<ValueId> results = builder_.fused(std::move(operands), op.body);
    for (std::size_t i = 0; i < results.size(); ++i) now_[op.results[i]] = results[i];
    return;
  }
  const ir::Value& result = source_->values[op.results.front()];
  const std::size_t ops_before = builder_.graph().ops.size();
  now_[op.results.front()] = builder_.create(op.code, std::move(operands), op.attrs, result.type, result.name);
  if (builder_.graph().ops.size() == ops_before) changed_ = true;
}

void Rewriter::copy_output(const ir::Output& output) {
  const std::uint32_t donates = output.donates == kNone ? kNone : input_indices_[output.donates];
  builder_.output(output.name, (*this)[output.value].id, donates);
}

void Rewriter::copy_outputs() {
  for (const ir::Output& output : source_->outputs) copy_output(output);
}

GraphPtr Rewriter::finish() {
  const ir::Graph& now = builder_.graph();
  const bool same_size = now.ops.size() == source_->ops.size() && now.inputs.size() == source_->inputs.size() &&
                         now.outputs.size() == source_->outputs.size();
  if (!changed_ && same_size) return source_;
  return std::make_shared<const ir::Graph>(builder_.take());
}

GraphPtr rewrite(const GraphPtr& graph, const Replace& replace) {
  Rewriter rewriter(graph);
  rewriter.copy_inputs();
  for (const ir::Op& op : graph->ops) {
    rewriter.builder().set_where(op.location);
    const std::optional<Expr> replacement = replace(op, rewriter);
    if (replacement)
      rewriter.map(op.results.front(), *replacement);
    else
      rewriter.copy(op);
  }
  rewriter.copy_outputs();
  return rewriter.finish();
}

std::optional<double> uniform_constant(const ir::Graph& graph, ValueId value) {
  const ir::Op* op = graph.producer(value);
  if (!op || op->code != ir::OpCode::constant) return {};
  const std::vector<double>& numbers = op->attrs.numbers(ir::Attr::values);
  return is_uniform(numbers) ? std::optional(numbers[0]) : std::nullopt;
}

std::vector<ir::OpId> sole_users(const ir::Graph& graph) {
  std::vector<ir::OpId> users(graph.values.size(), kNone);
  const std::vector<int> uses = ir::use_counts(graph);
  for (ir::OpId i = 0; i < graph.ops.size(); ++i)
    for (const ValueId operand : graph.ops[i].operands)
      if (uses[operand] == 1) users[operand] = i;
  return users;
}

}  // namespace weft::passes
