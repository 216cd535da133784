// Moves the bias and activation after a contraction into it. Nothing else may use the intermediate value, the target
// must support the epilogue, and the contraction must have no activation yet (and no bias, to take one).
#include "passes/epilogue.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/layout.h"
#include "passes/passes.h"
#include "passes/rewriter.h"

namespace weft::passes {

using ir::Attr;
using ir::Dims;
using ir::kNone;
using ir::Op;
using ir::OpCode;
using ir::OpId;
using ir::ValueId;

namespace {

// The bias and activation to fuse into one contraction. The new contraction computes the last op's result.
struct Epilogue {
  OpId contraction = kNone;
  OpId bias_add = kNone;
  ValueId bias = kNone;
  OpId activation = kNone;

  OpId last() const { return activation != kNone ? activation : bias_add; }
};

// No target takes one for matmuls with leading dims.
bool takes_epilogue(const Target& target, const ir::Graph& graph, const Op& op) {
  if (op.code == OpCode::matmul && graph.type(op.results[0]).rank() != 2) return false;
  return std::find(target.epilogues.begin(), target.epilogues.end(), op.code) != target.epilogues.end();
}

// The dim of the result that indexes the bias.
std::size_t channel_dim(const Op& op) { return ir::has_layout(op.code) && ir::is_nhwc(op.attrs) ? 3 : 1; }

// Whether a value of these dims adds one number to each channel of a result: [N] or [1,N] for matrices, [C,1,1] or
// [1,C,1,1] for images.
bool is_bias(const Dims& dims, const Dims& result, std::size_t channel) {
  if (dims.size() > result.size()) return false;
  const std::size_t lead = result.size() - dims.size();
  if (lead > channel) return false;
  for (std::size_t i = 0; i < dims.size(); ++i)
    if (lead + i == channel ? dims[i] != result[channel] : !dims[i].is_one()) return false;
  return true;
}

bool has_activation(const Target& target, std::string_view name) {
  return std::find(target.activations.begin(), target.activations.end(), name) != target.activations.end();
}

// Turns the bias operand into an add of one number per channel.
Expr split_bias(const Op& op, Rewriter& rewriter) {
  const Expr bias = rewriter[op.operands[2]];
  const bool channels_last = op.code == OpCode::matmul || ir::is_nhwc(op.attrs);
  const Dims per_channel = channels_last ? bias.dims() : Dims{bias.dims()[0], 1, 1};
  const ir::Type& type = rewriter.source().type(op.results[0]);
  return apply(op.code, rewriter[{op.operands[0], op.operands[1]}], op.attrs, type) + reshape(bias, per_channel);
}

// Splits off a bias or an activation of a contraction if the target cannot apply it there.
GraphPtr split_foreign_epilogues(const GraphPtr& source, const Target& target) {
  const GraphPtr graph = rewrite(source, [&](const Op& op, Rewriter& rewriter) -> std::optional<Expr> {
    if (takes_epilogue(target, *source, op) && has_activation(target, op.attrs.text(Attr::activation))) return {};
    return split_activation(op, rewriter);
  });
  return rewrite(graph, [&](const Op& op, Rewriter& rewriter) -> std::optional<Expr> {
    const bool has_bias = ir::info(op.code).kind == ir::OpKind::contraction && op.operands.size() == 3 &&
                          contains(ir::info(op.code).attributes, Attr::activation);
    if (!has_bias || takes_epilogue(target, *graph, op)) return {};
    return split_bias(op, rewriter);
  });
}

class Finder {
 public:
  Finder(const ir::Graph& graph, Context& context)
      : graph_(graph),
        context_(context),
        sole_users_(sole_users(graph)),
        uses_(ir::use_counts(graph)),
        users_(ir::users_of(graph)) {}

  std::vector<Epilogue> find() {
    std::vector<Epilogue> found;
    for (OpId id = 0; id < graph_.ops.size(); ++id)
      if (takes_epilogue(context_.target, graph_, graph_.ops[id])) {
        const Epilogue epilogue = epilogue_of(id);
        if (epilogue.last() != kNone) found.push_back(epilogue);
      }
    return found;
  }

 private:
  Epilogue epilogue_of(OpId id) {
    Epilogue epilogue;
    epilogue.contraction = id;
    const Op& contraction = graph_.ops[id];
    if (contraction.attrs.has(Attr::activation)) return epilogue;
    ValueId value = contraction.results.front();
    if (contraction.operands.size() == 2) {
      epilogue.bias_add = bias_add_of(value);
      if (epilogue.bias_add != kNone) {
        epilogue.bias = other_operand(graph_.ops[epilogue.bias_add], value);
        value = graph_.ops[epilogue.bias_add].results.front();
      }
    }
    epilogue.activation = activation_of(value);
    return epilogue;
  }

  static ValueId other_operand(const Op& op, ValueId value) {
    return op.operands[0] == value ? op.operands[1] : op.operands[0];
  }

  bool is_bias_add(const Op& op, ValueId value) const {
    return op.code == OpCode::add && op.operands[0] != op.operands[1] &&
           is_bias(graph_.type(other_operand(op, value)).dims, graph_.type(value).dims,
                   channel_dim(*graph_.producer(value)));
  }

  bool is_activation(const Op& op) const { return has_activation(context_.target, ir::name(op.code)); }

  OpId bias_add_of(ValueId value) {
    return user_of(value, "bias", [&](const Op& op) { return is_bias_add(op, value); });
  }
  OpId activation_of(ValueId value) {
    return user_of(value, "activation", [&](const Op& op) { return is_activation(op); });
  }

  // The wanted op if it alone uses the value; otherwise adds a note and returns kNone.
  template <typename Wanted>
  OpId user_of(ValueId value, const char* what, const Wanted& wanted) {
    const OpId sole = sole_users_[value];
    if (sole != kNone) return wanted(graph_.ops[sole]) ? sole : kNone;
    for (const OpId id : users_[value]) {
      const Op& op = graph_.ops[id];
      if (!wanted(op)) continue;
      context_.notes.push_back(
          {"epilogue", op.location,
           fmt::format("the {} ({}) is not fused into the {} before it, whose result has {} other use(s)", what,
                       ir::name(op.code), ir::name(graph_.producer(value)->code), uses_[value] - 1)});
      break;
    }
    return kNone;
  }

  const ir::Graph& graph_;
  Context& context_;
  std::vector<OpId> sole_users_;
  std::vector<int> uses_;
  std::vector<std::vector<OpId>> users_;
};

// The bias as [channels], without a reshape from these dims.
Expr as_channels(ValueId bias, const Dims& channels, Rewriter& rewriter) {
  const Op* op = rewriter.source().producer(bias);
  const bool reshaped = op && op->code == OpCode::reshape && rewriter.source().type(op->operands[0]).dims == channels;
  return reshape(rewriter[reshaped ? op->operands[0] : bias], channels);
}

// The contraction with its epilogue.
Expr contract(const Epilogue& epilogue, Rewriter& rewriter) {
  const Op& contraction = rewriter.source().ops[epilogue.contraction];
  std::vector<Expr> operands = rewriter[contraction.operands];
  if (epilogue.bias != kNone) {
    const Dims channels{rewriter.source().type(contraction.results.front()).dims[channel_dim(contraction)]};
    operands.push_back(as_channels(epilogue.bias, channels, rewriter));
  }
  ir::Attrs attrs = contraction.attrs;
  if (epilogue.activation != kNone)
    attrs.set(Attr::activation, std::string(ir::name(rewriter.source().ops[epilogue.activation].code)));
  rewriter.builder().set_where(contraction.location);
  return apply(contraction.code, operands, std::move(attrs), rewriter.source().type(contraction.results.front()));
}

}  // namespace

std::optional<Expr> split_activation(const Op& op, Rewriter& rewriter) {
  if (!op.attrs.has(Attr::activation)) return {};
  const std::optional<OpCode> activation = ir::parse_op(op.attrs.text(Attr::activation));
  check(activation.has_value(), "an activation must be an elementwise op");
  ir::Attrs attrs = op.attrs;
  attrs.set(Attr::activation, std::string());  // the default: none
  const ir::Type& type = rewriter.source().type(op.results[0]);
  return apply(*activation, {apply(op.code, rewriter[op.operands], std::move(attrs), type)});
}

GraphPtr epilogue(const GraphPtr& source, Context& context) {
  const GraphPtr graph = split_foreign_epilogues(source, context.target);
  const std::vector<Epilogue> found = Finder(*graph, context).find();
  if (found.empty()) return graph;
  std::vector<const Epilogue*> by_result(graph->values.size(), nullptr);
  for (const Epilogue& each : found)
    if (const Epilogue*& first = by_result[graph->ops[each.last()].results.front()]; !first) first = &each;
  const auto joined = rewrite(graph, [&](const Op& op, Rewriter& rewriter) -> std::optional<Expr> {
    const Epilogue* epilogue = by_result[op.results.front()];
    if (!epilogue) return {};
    return contract(*epilogue, rewriter);
  });
  return dce(joined, context);  // removes the contractions without epilogues
}

}  // namespace weft::passes
