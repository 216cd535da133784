// Applies the rules of algebra (rules_*.cpp) until none matches.
#include "passes/passes.h"
#include "passes/simplify/rule.h"

namespace weft::passes {

namespace {

constexpr int kMostWalks = 200;  // each moves an op one step along a chain; graphs of the zoo need fewer than 10

const std::vector<Rule>& all_rules() {
  static const std::vector<Rule> rules = [] {
    std::vector<Rule> all = movement_rules();
    for (const auto& table : {reduction_rules(), arithmetic_rules()}) all.insert(all.end(), table.begin(), table.end());
    return all;
  }();
  return rules;
}

}  // namespace

GraphPtr simplify(const GraphPtr& graph, Context& context) {
  GraphPtr now = graph;
  for (int walk = 0; walk < kMostWalks; ++walk) {
    const GraphPtr next = apply_rules(now, all_rules());
    if (next == now) return now;
    now = dce(next, context);  // a rule may ask whether a value has one use: dead ones must not count
  }
  context.notes.push_back(
      {"simplify", ir::Location(), "stopped early: rules still apply; the graph is correct as it is"});
  return now;
}

}  // namespace weft::passes
