// The three checks of a random graph, each from one seed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/fuzz/graphs/generator.h"
#include "tests/fuzz/graphs/subject.h"

namespace weft::fuzz {

// What went wrong: a kind that shrinking keeps ("values", "error"), and the facts.
struct Failure {
  std::string kind;
  std::string text;
};
using Outcome = std::optional<Failure>;
// Whether the fault shows on another subject, a smaller one.
using Repeat = std::function<Outcome(const Subject&)>;

// Calls `check` and turns what it throws into a failure.
Outcome guarded(const std::function<Outcome()>& check);

// What was executed, for the line of counts.
struct Counts {
  std::uint64_t executions = 0, findings = 0;
  std::uint64_t ops = 0, compared = 0, explained = 0, permitted = 0;
  std::vector<std::uint64_t> by_op = std::vector<std::uint64_t>(ir::op_table().size());  // by code
  std::uint32_t attributes = 0;                  // a bit for each that was given
  std::map<std::string, std::uint64_t> by_step;  // passes, backends
};

struct Finding {
  std::uint64_t seed = 0;
  std::string steps;  // the passes or the backend that show it
  Failure failure;
  Subject subject;
};

// Each generates the graph of `seed`, checks it, and shrinks a graph that fails.
using Check = std::optional<Finding> (*)(std::uint64_t seed, Counts& counts);
std::optional<Finding> check_passes(std::uint64_t seed, Counts& counts);
std::optional<Finding> check_gradients(std::uint64_t seed, Counts& counts);
std::optional<Finding> check_backends(std::uint64_t seed, Counts& counts);

void count_graph(const ir::Graph& graph, Counts& counts);

// The smallest subject found on which `repeat` still fails in the same kind of way.
Subject shrink(Subject subject, const Failure& failure, const Repeat& repeat);

// Compares outputs, bit by bit where `tolerance.relative` is 0; else what rounding explains does not count, nor what
// may differ (promises.h).
Outcome compare(const ir::Graph& bound, const Subject& subject, const Tensors& before, const Tensors& after,
                const Tolerance& tolerance, const Noise& noise, bool stabilised, Counts& counts);

}  // namespace weft::fuzz
