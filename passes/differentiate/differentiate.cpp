// Reverse mode, graph to graph: walks the ops backwards from `loss` and sums the gradients from gradients.cpp. It
// depends on no particular op.
#include <algorithm>

#include "ir/error.h"
#include "passes/differentiate/gradients.h"
#include "passes/epilogue.h"
#include "passes/passes.h"
#include "passes/rewriter.h"

namespace weft::passes {

namespace {

using ir::Attr;
using ir::OpCode;
using ir::ValueId;

// By value: whether it is a float that depends on a param.
std::vector<bool> trained_values(const ir::Graph& graph) {
  std::vector<bool> trained(graph.values.size(), false);
  const auto mark = [&](ValueId value) { trained[value] = is_float(graph.type(value).dtype); };
  for (const ir::Input& input : graph.inputs)
    if (input.role == ir::Role::param) mark(input.value);
  for (const ir::Op& op : graph.ops) {
    if (op.code == OpCode::stop_gradient) continue;
    for (const ValueId operand : op.operands)
      if (trained[operand])
        for (const ValueId result : op.results) mark(result);
  }
  return trained;
}

ValueId find_loss(const ir::Graph& graph) {
  const std::uint32_t index = graph.find_output("loss");
  if (index == ir::kNone) fail("graph @{} has no output named loss to differentiate", graph.name);
  const ValueId loss = graph.outputs[index].value;
  const ir::Type& type = graph.type(loss);
  if (type.is_scalar() && is_float(type.dtype)) return loss;
  const ir::Op* op = graph.producer(loss);
  const std::string place = op ? to_string(op->location) : "";
  fail("{}{}the loss must be a single float, got {}; take its sum or mean", place, place.empty() ? "" : ": ",
       to_string(type));
}

class Differentiation {
 public:
  explicit Differentiation(const GraphPtr& graph)
      : graph_(*graph), rewriter_(graph), trained_(trained_values(graph_)), gradients_(graph_.values.size()) {}

  GraphPtr run() {
    const ValueId loss = find_loss(graph_);
    rewriter_.copy_inputs();
    for (const ir::Op& op : graph_.ops) rewriter_.copy(op);
    rewriter_.copy_outputs();
    rewriter_.builder().set_where({"grad", "", 0});
    if (trained_[loss]) gradients_[loss] = full_like(rewriter_[loss], 1);
    for (std::size_t i = graph_.ops.size(); i-- > 0;) step_back(graph_.ops[i]);
    for (std::uint32_t i = 0; i < graph_.inputs.size(); ++i)
      if (graph_.inputs[i].role == ir::Role::param) add_output(i);
    return rewriter_.finish();
  }

 private:
  static bool flows(Expr gradient) { return gradient.builder != nullptr; }

  void step_back(const ir::Op& op) {
    // Only `fused` has several results, and gradients() reports an error for it: any result will do.
    const auto result =
        std::find_if(op.results.begin(), op.results.end(), [this](ValueId each) { return flows(gradients_[each]); });
    if (result == op.results.end()) return;
    Backward backward{op, rewriter_[op.operands], rewriter_[*result], gradients_[*result], {}};
    for (const ValueId operand : op.operands) backward.wanted.push_back(trained_[operand]);
    ir::Location location = op.location;
    location.scope = location.scope.empty() ? "grad" : "grad/" + location.scope;
    rewriter_.builder().set_where(std::move(location));
    const std::vector<Expr> parts = gradients(backward);
    for (std::size_t i = 0; i < op.operands.size(); ++i)
      if (backward.wanted[i] && flows(parts[i])) accumulate(op.operands[i], parts[i]);
  }

  // `part` may have the dims of the result that the value was broadcast to.
  void accumulate(ValueId value, Expr part) {
    const ir::Type& type = graph_.type(value);
    part = sum_to(part, type.dims);
    check(part.type() == type, "a gradient must have the type of its value");
    Expr& sum = gradients_[value];
    sum = flows(sum) ? sum + part : part;
  }

  void add_output(std::uint32_t index) {
    const ValueId param = graph_.inputs[index].value;
    const std::string& param_name = graph_.input_name(index);
    if (!is_float(graph_.type(param).dtype))
      fail("param %{} is {}: only floats can be trained; make it a state or cast it to f32", param_name,
           to_string(graph_.type(param)));
    const Expr gradient =
        flows(gradients_[param]) ? gradients_[param] : full(rewriter_.builder(), 0, graph_.type(param));
    rewriter_.builder().output("grad." + param_name, gradient.id);
  }

  const ir::Graph& graph_;
  Rewriter rewriter_;
  std::vector<bool> trained_;    // by value of the source
  std::vector<Expr> gradients_;  // by value of the source; no builder until a gradient reaches it
};

}  // namespace

GraphPtr differentiate(const GraphPtr& graph, Context& context) {
  const GraphPtr split = rewrite(graph, split_activation);  // both have a gradient rule; `epilogue` joins them
  return dce(Differentiation(split).run(), context);        // removes gradients that nothing uses
}

}  // namespace weft::passes
