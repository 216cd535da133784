// Gradients against finite differences: `differentiate` alone, and the whole pipeline of a training step, on graphs
// with a scalar loss, both run by the interpreter in double.
#include <algorithm>
#include <cmath>

#include "backends/reference/reference.h"
#include "ir/error.h"
#include "ir/verify.h"
#include "passes/pipeline.h"
#include "tests/fuzz/graphs/check.h"

namespace weft::fuzz {

namespace {

constexpr std::size_t kMostElements = 12;  // of one graph: each costs four runs
constexpr double kStep = 1e-5;
constexpr double kLargestValue = 1e4;  // beyond it rounding hides the differences

using Names = std::vector<std::string>;

// A graph whose stop_gradients are inputs: constants for the finite differences as for `differentiate`.
Subject frozen(const Subject& subject) {
  const ir::Graph& graph = *subject.graph;
  const Tensors values = all_values(graph, subject.inputs);
  Subject result{nullptr, {}, subject.inputs};
  Maker maker;
  std::vector<ir::ValueId> now(graph.values.size());
  for (const ir::Input& input : graph.inputs)
    now[input.value] = maker.input(graph.values[input.value].name, graph.type(input.value), input.role);
  for (const ir::Op& op : graph.ops) {
    const ir::ValueId value = op.results[0];
    std::vector<ir::ValueId> operands;
    for (const ir::ValueId operand : op.operands) operands.push_back(now[operand]);
    if (op.code == ir::OpCode::stop_gradient) {
      now[value] = maker.input(fmt::format("frozen_{}", value), graph.type(value), ir::Role::data);
      result.inputs.push_back(values[value]);
    } else {
      now[value] = maker.add(op.code, operands, op.attrs, graph.type(value));
    }
  }
  maker.graph.outputs.push_back({"loss", now[graph.outputs[graph.find_output("loss")].value], ir::kNone});
  result.graph = std::make_shared<const ir::Graph>(std::move(maker.graph));
  return result;
}

// The slope of the loss along one element, and by how much it is uncertain.
struct Slope {
  double value = 0, error = 0;
};

// Nothing where the loss has no slope there: at a kink, a step, or beside numbers that are too large.
std::optional<Slope> slope(Subject& subject, std::size_t input, std::size_t element) {
  double& x = subject.inputs[input].data[element];
  const double middle = x;
  const auto loss = [&](double at) {
    x = at;
    const double value = reference::run<double>(*subject.graph, subject.inputs)[0].data[0];
    x = middle;
    return value;
  };
  const double here = loss(middle), above = loss(middle + kStep), below = loss(middle - kStep);
  // By steps of three lengths, of which rounding makes three numbers.
  double lowest = (above - below) / (2 * kStep), highest = lowest;
  const double near = lowest;
  for (const double times : {1.37, 2.0}) {
    const double other = (loss(middle + times * kStep) - loss(middle - times * kStep)) / (2 * times * kStep);
    lowest = std::min(lowest, other);
    highest = std::max(highest, other);
  }
  const double kink = std::abs((above - here) - (here - below)) / kStep;
  const double error = highest - lowest + 1e-13 * (std::abs(here) + kLargestValue) / kStep;
  const double scale = 1 + std::abs(near);
  if (!(kink < 1e-2 * scale) || !(error < 1e-3 * scale)) return {};
  return Slope{near, error};
}

// Whether the loss has slopes that differences can show: no value is too large, and no two floats that are asked
// whether they are equal are, for the smallest step would tell them apart.
bool is_plain(const ir::Graph& graph, const Tensors& inputs) {
  const Tensors values = all_values(graph, inputs);
  for (const Tensor& tensor : values)
    if (is_float(tensor.type.dtype) &&
        !std::ranges::all_of(tensor.data, [](double each) { return std::abs(each) <= kLargestValue; }))
      return false;
  return std::ranges::none_of(graph.ops, [&](const ir::Op& op) {
    if (op.code != ir::OpCode::eq && op.code != ir::OpCode::ne) return false;
    const double equal = op.code == ir::OpCode::eq ? 1 : 0;
    return is_float(graph.type(op.operands[0]).dtype) && std::ranges::count(values[op.results[0]].data, equal) != 0;
  });
}

Outcome check_output(const Subject& subject, const std::string& name, const Tensor& gradient, Subject& moved,
                     Random& random, Counts& counts) {
  const std::uint32_t input = subject.graph->find_input(name.substr(5));
  for (std::size_t i = 0; i < std::min(kMostElements, gradient.data.size()); ++i) {
    const std::size_t element = gradient.data.size() <= kMostElements ? i : random.below(gradient.data.size());
    const std::optional<Slope> expected = slope(moved, input, element);
    if (!expected) {
      ++counts.explained;
      continue;
    }
    ++counts.compared;
    const double actual = gradient.data[element];
    if (std::abs(actual - expected->value) <= 10 * expected->error + 1e-5 * (1 + std::abs(expected->value))) continue;
    return Failure{"gradient", fmt::format("{}, element {}: {:.9g} by finite differences, {:.9g}", name, element,
                                           expected->value, actual)};
  }
  return {};
}

Outcome run_gradients(const Subject& subject, const Names& steps, std::uint64_t seed, Counts& counts) {
  ir::verify(*subject.graph);
  if (subject.graph->find_output("loss") == ir::kNone) fail("no loss");
  if (!is_plain(*subject.graph, subject.inputs)) return {};
  passes::Context context;
  const ir::GraphPtr after = passes::run_passes(subject.graph, steps, context);
  ir::verify(*after);
  const Tensors outputs = reference::run<double>(*after, subject.inputs);
  Subject moved = frozen(subject);
  Random random(seed);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!after->outputs[i].name.starts_with("grad.")) continue;
    const auto outcome = check_output(subject, after->outputs[i].name, outputs[i], moved, random, counts);
    if (outcome) return outcome;
  }
  return {};
}

Names random_steps(Random& random) {
  static const std::vector<Names> kWays = {{"differentiate"},
                                           {"differentiate", "fold", "simplify", "cse", "dce"},
                                           {"stabilise", "contrastive", "differentiate", "fold", "simplify"},
                                           {"stabilise", "contrastive", "differentiate", "fold", "simplify", "cse",
                                            "dce", "similarities", "epilogue", "layout", "simplify", "fuse", "copies"},
                                           {"fold", "cse", "dce", "differentiate", "simplify"}};
  return random.pick(kWays);
}

}  // namespace

std::optional<Finding> check_gradients(std::uint64_t seed, Counts& counts) {
  static const Settings settings = [] {
    Settings result;
    result.differentiable = true;
    result.extremes = result.symbols = result.narrow = false;
    return result;
  }();
  Random random(mix(seed ^ 0x5EED));
  Subject subject;
  subject.graph = std::make_shared<const ir::Graph>(generate(seed, settings));
  subject.inputs = random_inputs(*subject.graph, random, Numbers::smooth);
  const Names steps = random_steps(random);
  count_graph(*subject.graph, counts);
  for (const std::string& name : steps) ++counts.by_step[name];
  const Outcome outcome = guarded([&] { return run_gradients(subject, steps, seed, counts); });
  if (!outcome) return {};
  subject = shrink(subject, *outcome, [&](const Subject& each) {
    Counts unused;
    return guarded([&] { return run_gradients(each, steps, seed, unused); });
  });
  return Finding{seed, fmt::format("{}", fmt::join(steps, ",")), *outcome, subject};
}

}  // namespace weft::fuzz
