// Matches patterns against ops, with full backtracking over the operand orders of commutative ops.
#include "passes/simplify/rule.h"

#include "ir/error.h"

namespace weft::passes {

using ir::kNone;
using ir::OpCode;
using ir::ValueId;

struct Pattern::Node {
  enum class Kind { value, number, constant, op };
  Kind kind = Kind::value;
  int placeholder = -1;  // bound to the value if >= 0
  double number = 0;
  OpCode code = OpCode::constant;
  bool any_operands = false;
  std::vector<Pattern> operands;
};

namespace {

Pattern::Node make(Pattern::Node::Kind kind, int placeholder) {
  Pattern::Node node;
  node.kind = kind;
  node.placeholder = placeholder;
  return node;
}

}  // namespace

Pattern::Pattern(double number) {
  Node node = make(Node::Kind::number, -1);
  node.number = number;
  node_ = std::make_shared<const Node>(std::move(node));
}

Pattern Pattern::value(int placeholder) {
  return Pattern(std::make_shared<const Node>(make(Node::Kind::value, placeholder)));
}

Pattern Pattern::constant(int placeholder) {
  return Pattern(std::make_shared<const Node>(make(Node::Kind::constant, placeholder)));
}

Pattern Pattern::op(OpCode code, std::vector<Pattern> operands) {
  Node node = make(Node::Kind::op, -1);
  node.code = code;
  node.operands = std::move(operands);
  return Pattern(std::make_shared<const Node>(std::move(node)));
}

Pattern Pattern::any_operands(OpCode code) {
  Node node = make(Node::Kind::op, -1);
  node.code = code;
  node.any_operands = true;
  return Pattern(std::make_shared<const Node>(std::move(node)));
}

Pattern Pattern::as(const Pattern& placeholder) const {
  Node node = *node_;
  node.placeholder = placeholder.node().placeholder;
  return Pattern(std::make_shared<const Node>(std::move(node)));
}

namespace placeholders {
const Pattern x = Pattern::value(0), y = Pattern::value(1), z = Pattern::value(2);
const Pattern c = Pattern::constant(3), d = Pattern::constant(4);
const Pattern inner = Pattern::value(5);
}  // namespace placeholders

Pattern operator+(const Pattern& a, const Pattern& b) { return op(OpCode::add, a, b); }
Pattern operator-(const Pattern& a, const Pattern& b) { return op(OpCode::sub, a, b); }
Pattern operator*(const Pattern& a, const Pattern& b) { return op(OpCode::mul, a, b); }
Pattern operator/(const Pattern& a, const Pattern& b) { return op(OpCode::div, a, b); }
Pattern operator-(const Pattern& a) { return op(OpCode::neg, a); }

OpCode Rule::root() const { return pattern.node().code; }

double Match::number(const Pattern& constant) const {
  const std::optional<double> value = uniform_constant(graph(), old(constant));
  check(value.has_value(), "a rule takes the number of a value that is not constant");
  return *value;
}

ValueId Match::old(const Pattern& placeholder) const {
  const ValueId value = bindings_[std::size_t(placeholder.node().placeholder)];
  check(value != kNone, "a rule uses a placeholder that its pattern does not bind");
  return value;
}

namespace {

class Matcher {
 public:
  explicit Matcher(const ir::Graph& graph) : graph_(graph) {}

  using Next = std::function<bool(const Matches&)>;

  // Calls `next` for each way the pattern matches, until one returns true.
  bool match(const Pattern& pattern, ValueId value, Matches bindings, const Next& next) const {
    const Pattern::Node& node = pattern.node();
    if (node.placeholder >= 0) {
      ValueId& bound = bindings[std::size_t(node.placeholder)];
      if (bound != kNone && bound != value) return false;
      bound = value;
    }
    switch (node.kind) {
      case Pattern::Node::Kind::value:
        return next(bindings);
      case Pattern::Node::Kind::constant:
        return uniform_constant(graph_, value) && next(bindings);
      case Pattern::Node::Kind::number:
        return uniform_constant(graph_, value) == node.number && next(bindings);
      case Pattern::Node::Kind::op: {
        const ir::Op* op = graph_.producer(value);
        return op && op->code == node.code && match_operands(node, *op, bindings, next);
      }
    }
    return false;
  }

 private:
  bool match_operands(const Pattern::Node& node, const ir::Op& op, const Matches& bindings, const Next& next) const {
    if (node.any_operands) return next(bindings);
    if (node.operands.size() != op.operands.size()) return false;
    if (match_list(node.operands, op.operands, 0, bindings, next)) return true;
    return ir::has(op.code, ir::Trait::commutes) &&
           match_list(node.operands, {op.operands[1], op.operands[0]}, 0, bindings, next);
  }

  bool match_list(const std::vector<Pattern>& patterns, const std::vector<ValueId>& values, std::size_t first,
                  const Matches& bindings, const Next& next) const {
    if (first == patterns.size()) return next(bindings);
    return match(patterns[first], values[first], bindings,
                 [&](const Matches& more) { return match_list(patterns, values, first + 1, more, next); });
  }

  const ir::Graph& graph_;
};

Matches unbound() {
  Matches bindings;
  bindings.fill(kNone);
  return bindings;
}

}  // namespace

bool adds_leading_ones(const ir::Dims& from, const ir::Dims& to) {
  if (from.size() >= to.size()) return false;
  const std::size_t lead = to.size() - from.size();
  for (std::size_t i = 0; i < to.size(); ++i)
    if (i < lead ? !to[i].is_one() : to[i] != from[i - lead]) return false;
  return true;
}

GraphPtr apply_rules(const GraphPtr& graph, const std::vector<Rule>& rules) {
  const Matcher matcher(*graph);
  const Uses uses{ir::use_counts(*graph), ir::users_of(*graph)};
  std::vector<std::vector<const Rule*>> by_root(ir::op_table().size());
  for (const Rule& rule : rules) by_root[std::size_t(rule.root())].push_back(&rule);
  return rewrite(graph, [&](const ir::Op& op, Rewriter& rewriter) {
    Result result;
    for (const Rule* rule : by_root[std::size_t(op.code)]) {
      matcher.match(rule->pattern, op.results.front(), unbound(), [&](const Matches& bindings) {
        result = rule->apply(Match(op, bindings, rewriter, uses));
        return result.has_value();
      });
      if (!result) continue;
      return Result(broadcast(*result, graph->type(op.results.front()).dims));
    }
    return result;
  });
}

}  // namespace weft::passes
