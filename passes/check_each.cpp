// Runs a graph before and after each pass and reports the first pass that changes the results.
#include "passes/check_each.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>

#include "ir/error.h"
#include "ir/text/print.h"
#include "passes/pipeline.h"

namespace weft::passes {

using ir::DType;
using ir::Graph;
using ir::Input;
using ir::Role;
using ir::Type;

namespace {

using Numbers = std::vector<double>;

double random_number(DType dtype, Role role, std::mt19937_64& random) {
  const double unit = std::uniform_real_distribution<double>(0, 1)(random);
  switch (dtype) {
    case DType::f32:
    case DType::bf16:
    case DType::f16:
      return role == Role::state ? 0.1 + unit : 2 * unit - 1;
    case DType::i32:
    case DType::boolean:
      return std::floor(2 * unit);
    case DType::u8:
      return std::floor(256 * unit);
  }
  return 0;
}

// The tensors in an input: its slots, or the whole input.
std::vector<ir::Slot> parts_of(const Graph& graph, const Input& input) {
  if (!input.slots.empty()) return input.slots;
  return {{graph.values[input.value].name, graph.type(input.value), 0, input.init}};
}

}  // namespace

Values random_inputs(const Graph& graph, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Values values;
  for (const Input& input : graph.inputs) {
    const Type& type = graph.type(input.value);
    Numbers numbers(std::size_t(type.elements()), input.role == Role::hyper ? input.init.a : 0);
    if (input.role != Role::hyper)
      for (const ir::Slot& part : parts_of(graph, input))
        for (std::int64_t i = 0; i < part.type.elements(); ++i)
          numbers[std::size_t(part.offset + i)] = random_number(type.dtype, input.role, random);
    values[graph.values[input.value].name] = std::move(numbers);
  }
  return values;
}

Values adapt_inputs(const Values& inputs, const Graph& graph) {
  Values adapted;
  for (const Input& input : graph.inputs) {
    const std::string& name = graph.values[input.value].name;
    const auto same = inputs.find(name);
    if (same != inputs.end()) {
      adapted[name] = same->second;
      continue;
    }
    Numbers numbers(std::size_t(graph.type(input.value).elements()), input.init.a);
    for (const ir::Slot& slot : input.slots) {
      const auto part = inputs.find(slot.name);
      if (part != inputs.end() && input.role == Role::param)
        std::copy(part->second.begin(), part->second.end(), numbers.begin() + slot.offset);
    }
    adapted[name] = std::move(numbers);
  }
  return adapted;
}

namespace {

// The element that differs most beyond the tolerance; "" if none does.
std::string difference(const std::string& name, const Numbers& before, const Numbers& after, double tolerance) {
  if (before.size() != after.size())
    return fmt::format("output {} has {} elements before and {} after", name, before.size(), after.size());
  double largest = 1;
  for (const double each : before)
    if (std::isfinite(each)) largest = std::max(largest, std::abs(each));
  for (std::size_t i = 0; i < before.size(); ++i)
    if (std::isfinite(before[i]) && !(std::abs(before[i] - after[i]) <= tolerance * largest))
      return fmt::format("output {}, element {}: {:.9g} before, {:.9g} after", name, i, before[i], after[i]);
  return "";
}

bool has_finite(const Numbers& numbers) {
  return std::any_of(numbers.begin(), numbers.end(), [](double each) { return std::isfinite(each); });
}

}  // namespace

std::string find_difference(const Graph& before, const Graph& after, const Values& inputs, const RunGraph& run,
                            double tolerance) {
  const Values expected = run(before, inputs);
  const Values actual = run(after, adapt_inputs(inputs, after));
  bool compared = false;
  for (const auto& [name, numbers] : expected) {
    const auto match = actual.find(name);
    if (match == actual.end()) continue;
    compared = compared || has_finite(numbers);
    const std::string text = difference(name, numbers, match->second, tolerance);
    if (!text.empty()) return text;
  }
  if (!compared) fail("cannot compare graph @{}: no common output has a finite number", before.name);
  return "";
}

namespace {

constexpr std::int64_t kDefaultSize = 3;  // not 1, which broadcasts, nor a power of two, which divides evenly

Graph bound(const Graph& graph, ir::Bindings bindings) {
  for (const std::string& symbol : graph.symbols()) bindings.emplace(symbol, kDefaultSize);
  return ir::bind(graph, bindings);
}

std::string write_reproducer(const Graph& before, const std::string& pass, const CheckOptions& options) {
  const std::string file = fmt::format("{}/reproduce_{}.weft", options.folder, pass);
  std::ofstream stream(file);
  stream << "// weft opt " << file << " --passes=" << pass << " --check-each\n" << ir::print(before);
  stream.close();
  if (!stream) fail("cannot write {}: check that the folder exists and is writable", file);
  return file;
}

void check_pass(const Graph& before, const Graph& after, const std::string& pass, const CheckOptions& options) {
  const Graph first = bound(before, options.bind), second = bound(after, options.bind);
  for (int round = 0; round < options.rounds; ++round) {
    const Values inputs = random_inputs(first, std::uint64_t(round));
    const std::string text = find_difference(first, second, inputs, options.run, options.tolerance);
    if (text.empty()) continue;
    const std::string file = write_reproducer(before, pass, options);
    throw InternalError(fmt::format(
        "internal error: pass {} changes what @{} computes: {}\n  reproduce with {} (this is a bug in Weft, please "
        "report it)",
        pass, before.name, text, file));
  }
}

}  // namespace

GraphPtr check_each(GraphPtr graph, const std::vector<std::string>& names, Context& context,
                    const CheckOptions& options) {
  GraphPtr before = graph;
  return run_passes(graph, names, context, [&](const std::string& pass, const GraphPtr& after, double) {
    if (after != before) check_pass(*before, *after, pass, options);
    before = after;
  });
}

}  // namespace weft::passes
