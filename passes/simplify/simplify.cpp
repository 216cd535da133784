// Applies the algebraic rules (rules_*.cpp) until none matches.
#include "passes/passes.h"
#include "passes/simplify/rule.h"

namespace weft::passes {

namespace {

constexpr int kMostWalks = 200;  // a walk moves an op one step along a chain; built-in models need fewer than 10

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
    now = dce(next, context);  // dead values must not count as uses
  }
  context.notes.push_back(
      {"simplify", ir::Location(), "stopped early: rules still apply; the graph is correct as it is"});
  return now;
}

}  // namespace weft::passes
