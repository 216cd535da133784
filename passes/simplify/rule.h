// Rewrite rules that read as algebra: rule("x * 1 -> x", x * 1, [](const Match& m) { return m[x]; }).
//
// A pattern is an expression over placeholders: x, y, z match any value, c, d a constant filled with one number, a
// literal that number itself. The engine tries both operand orders of commutative ops, and broadcasts a result that has
// fewer dims than the value it replaces. A rule may decline by returning nothing.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "passes/rewriter.h"

namespace weft::passes {

class Pattern {
 public:
  Pattern(double number);  // NOLINT(google-explicit-constructor): literals are patterns
  static Pattern value(int placeholder);
  static Pattern constant(int placeholder);
  static Pattern op(ir::OpCode code, std::vector<Pattern> operands);
  static Pattern any_operands(ir::OpCode code);  // any operands, any number

  // The same pattern; also binds its value to a placeholder.
  Pattern as(const Pattern& placeholder) const;

  struct Node;
  const Node& node() const { return *node_; }

 private:
  explicit Pattern(std::shared_ptr<const Node> node) : node_(std::move(node)) {}
  std::shared_ptr<const Node> node_;
};

namespace placeholders {
extern const Pattern x, y, z;  // any value
extern const Pattern c, d;     // a constant of one number
extern const Pattern inner;    // for Pattern::as
}  // namespace placeholders

Pattern operator+(const Pattern& a, const Pattern& b);
Pattern operator-(const Pattern& a, const Pattern& b);
Pattern operator*(const Pattern& a, const Pattern& b);
Pattern operator/(const Pattern& a, const Pattern& b);
Pattern operator-(const Pattern& a);
// An op with these operands, or with any operands if none are given.
template <typename... Operands>
Pattern op(ir::OpCode code, const Operands&... operands) {
  if constexpr (sizeof...(operands) == 0)
    return Pattern::any_operands(code);
  else
    return Pattern::op(code, {Pattern(operands)...});
}

using Matches = std::array<ir::ValueId, 8>;  // by placeholder: a value of the source graph, or kNone

// Uses in the source graph.
struct Uses {
  std::vector<int> counts;                   // ir::use_counts
  std::vector<std::vector<ir::OpId>> users;  // ir::users_of
};

// The op that a rule may replace (the root) and the values that the placeholders matched. Facts come from the source
// graph; m[x] gives the value in the new graph.
class Match {
 public:
  Match(const ir::Op& root, const Matches& bindings, Rewriter& rewriter, const Uses& uses)
      : root_(root), bindings_(bindings), rewriter_(rewriter), uses_(uses) {}

  Expr operator[](const Pattern& placeholder) const { return rewriter_[old(placeholder)]; }
  Expr operator[](ir::ValueId value) const { return rewriter_[value]; }
  double number(const Pattern& constant) const;

  const ir::Op& root() const { return root_; }
  const ir::Type& type() const { return graph().type(root_.results.front()); }  // of the root
  ir::Dims dims() const { return type().dims; }
  const ir::Graph& graph() const { return rewriter_.source(); }
  ir::ValueId old(const Pattern& placeholder) const;
  const ir::Op& op(const Pattern& placeholder) const { return *graph().producer(old(placeholder)); }
  const ir::Type& type(const Pattern& placeholder) const { return graph().type(old(placeholder)); }
  bool used_once(const Pattern& placeholder) const { return used_once(old(placeholder)); }
  bool used_once(ir::ValueId value) const { return uses_.counts[value] == 1; }
  const std::vector<ir::OpId>& users(const Pattern& placeholder) const { return uses_.users[old(placeholder)]; }
  Expr constant(double number, ir::Type type = {}) const { return full(rewriter_.builder(), number, std::move(type)); }
  Rewriter& rewriter() const { return rewriter_; }

 private:
  const ir::Op& root_;
  const Matches& bindings_;
  Rewriter& rewriter_;
  const Uses& uses_;
};

using Result = std::optional<Expr>;

struct Rule {
  std::string text;  // "x * 1 -> x"
  Pattern pattern;
  std::function<Result(const Match&)> apply;

  ir::OpCode root() const;  // the op at the root
};
inline Rule rule(std::string text, Pattern pattern, std::function<Result(const Match&)> apply) {
  return {std::move(text), std::move(pattern), std::move(apply)};
}

// Walks the graph once: at each op, the first rule that matches and does not decline replaces it.
GraphPtr apply_rules(const GraphPtr& graph, const std::vector<Rule>& rules);

// Whether `to` is `from` with leading ones, as in numpy broadcasting.
bool adds_leading_ones(const ir::Dims& from, const ir::Dims& to);

// The tables, by topic; see docs/internals/passes.md.
std::vector<Rule> arithmetic_rules();
std::vector<Rule> movement_rules();
std::vector<Rule> reduction_rules();

}  // namespace weft::passes
