// The cheap check: a graph is verified, printed and read back, and computes the same after passes in any legal order.
#include <algorithm>
#include <set>

#include "backends/reference/reference.h"
#include "ir/error.h"
#include "ir/memory_layout.h"
#include "ir/text/parse.h"
#include "ir/text/print.h"
#include "ir/verify.h"
#include "passes/pipeline.h"
#include "tests/fuzz/graphs/check.h"

namespace weft::fuzz {

namespace {

// Passes before and after the symbols get their numbers, and the target that they see.
struct Steps {
  std::vector<std::string> free, bound;
  std::uint64_t target = 0;
};

std::string to_string(const Steps& steps) {
  return fmt::format("{} | {}", fmt::join(steps.free, ","), fmt::join(steps.bound, ","));
}

void append_some(std::vector<std::string>& names, const std::vector<std::string>& choice, std::size_t most,
                 Random& random) {
  for (std::size_t count = random.below(most + 1); count > 0; --count) names.push_back(random.pick(choice));
}

Steps random_steps(Random& random) {
  static const std::vector<std::string> kAnyOrder = {"stabilise", "contrastive", "fold",     "simplify", "simplify",
                                                     "cse",       "dce",         "epilogue", "fold"};
  static const std::vector<std::string> kSimple = {"fold", "simplify", "cse", "dce", "epilogue", "similarities"};
  Steps steps;
  steps.target = random.next();
  if (random.chance(20)) {
    if (random.chance(50)) steps.free = passes::forward_pipeline();
    steps.bound = passes::compile_pipeline();
    return steps;
  }
  append_some(steps.free, kAnyOrder, 3, random);
  append_some(steps.bound, kSimple, 2, random);
  if (random.chance(30)) {
    steps.bound.push_back("layout");
    append_some(steps.bound, kSimple, 2, random);
  }
  if (random.chance(30)) {
    steps.bound.push_back("fuse");
    if (random.chance(50)) steps.bound.push_back("weight_layout");
    if (random.chance(50)) steps.bound.push_back("copies");
  }
  if (steps.free.empty() && steps.bound.empty()) steps.free.push_back("simplify");
  return steps;
}

// A target with its own wishes: one that takes every epilogue, none, or what backends take; that keeps similarities.
passes::Target random_target(std::uint64_t seed) {
  Random random(seed);
  passes::Target target;
  if (random.chance(30)) target.epilogues.push_back(ir::OpCode::conv_transpose2d);
  if (random.chance(20)) target.epilogues.clear();
  if (random.chance(30)) target.activations = {"relu", "tanh", "exp", "neg"};
  if (random.chance(20)) target.activations.clear();
  if (random.chance(40)) target.similarity_block = [](const ir::Type&) { return std::int64_t(2); };
  if (random.chance(40)) {
    const bool blocked = random.chance(50);
    target.weights_layout = [blocked](const ir::Graph& graph, const ir::Op& op) {
      const std::string text = blocked ? "OIhw2i2o" : "ohwi";
      return ir::memory_layout_misfit(text, graph.type(op.operands[1])).empty() ? text : "";
    };
  }
  return target;
}

bool is_exact(const Steps& steps) {
  static const std::set<std::string> kExact = {"cse", "dce", "fuse", "weight_layout", "copies"};
  const auto exact = [](const std::string& name) { return kExact.count(name) != 0; };
  return std::ranges::all_of(steps.free, exact) && std::ranges::all_of(steps.bound, exact);
}

// What overflows on its way may become the right number.
bool is_stabilised(const Steps& steps) {
  return std::ranges::count(steps.free, "stabilise") + std::ranges::count(steps.free, "contrastive") > 0;
}

Outcome round_trip(const ir::Graph& graph) {
  if (ir::equal(ir::parse_graph(ir::print(graph), "printed"), graph)) return {};
  return Failure{"print", "parse(print(graph)) differs from the graph"};
}

ir::GraphPtr bound(const ir::GraphPtr& graph, const ir::Bindings& bindings) {
  if (bindings.empty()) return graph;
  return std::make_shared<const ir::Graph>(ir::bind(*graph, bindings));
}

Outcome run_steps(const Subject& subject, const Steps& steps, bool text, Counts& counts) {
  ir::verify(*subject.graph);
  if (const Outcome outcome = round_trip(*subject.graph)) return outcome;
  passes::Context context;
  context.target = random_target(steps.target);
  const ir::GraphPtr before = bound(subject.graph, subject.bindings);
  ir::GraphPtr after = passes::run_passes(subject.graph, steps.free, context);
  after = passes::run_passes(bound(after, subject.bindings), steps.bound, context);
  ir::verify(*after);
  if (text)
    if (const Outcome outcome = round_trip(*after)) return outcome;
  const Tensors expected = reference::run<double>(*before, subject.inputs);
  if (after == before) return {};
  Tolerance tolerance;
  if (is_exact(steps)) tolerance.relative = 0;
  const Tensors actual = reference::run<double>(*after, subject.inputs);
  return compare(*before, subject, expected, actual, tolerance, {}, is_stabilised(steps), counts);
}

// Drops the passes that the fault does not need.
Steps fewer(Steps steps, const Failure& failure, const std::function<Outcome(const Steps&)>& repeat) {
  for (std::vector<std::string> Steps::*part : {&Steps::free, &Steps::bound})
    for (std::size_t i = (steps.*part).size(); i-- > 0;) {
      Steps less = steps;
      (less.*part).erase((less.*part).begin() + std::ptrdiff_t(i));
      const Outcome outcome = repeat(less);
      if (outcome && outcome->kind == failure.kind) steps = less;
    }
  return steps;
}

}  // namespace

std::optional<Finding> check_passes(std::uint64_t seed, Counts& counts) {
  static const Settings settings;
  Random random(mix(seed ^ 0x5EED));
  Subject subject;
  subject.graph = std::make_shared<const ir::Graph>(generate(seed, settings));
  subject.bindings = random_bindings(*subject.graph, random);
  subject.inputs = random_inputs(*bound(subject.graph, subject.bindings), random,
                                 random.chance(40) ? Numbers::extreme : Numbers::plain);
  Steps steps = random_steps(random);
  const bool text = random.chance(25);
  count_graph(*subject.graph, counts);
  for (const auto* part : {&steps.free, &steps.bound})
    for (const std::string& name : *part) ++counts.by_step[name];
  const auto repeat = [&](const Subject& each, const Steps& some) {
    Counts unused;
    return guarded([&] { return run_steps(each, some, true, unused); });
  };
  const Outcome outcome = guarded([&] { return run_steps(subject, steps, text, counts); });
  if (!outcome) return {};
  const Failure failure = *outcome;
  steps = fewer(steps, failure, [&](const Steps& some) { return repeat(subject, some); });
  subject = shrink(subject, failure, [&](const Subject& each) { return repeat(each, steps); });
  steps = fewer(steps, failure, [&](const Steps& some) { return repeat(subject, some); });
  return Finding{seed, to_string(steps), repeat(subject, steps).value_or(failure), subject};
}

}  // namespace weft::fuzz
