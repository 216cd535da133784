// Checks passes by their work: a graph must compute the same before and after each, on random inputs. What runs a graph
// is the caller's (the reference interpreter): passes know no backend.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "passes/passes.h"

namespace weft::passes {

// Elements by name of input or output, row-major.
using Values = std::map<std::string, std::vector<double>>;
using RunGraph = std::function<Values(const ir::Graph& graph, const Values& inputs)>;

// Numbers for the inputs of a static graph: floats in (-1, 1), positive for state (variances), defaults for hyper
// inputs, 0 or 1 for i32 (indices), small seeds for rng. A flat input holds its slots; the gaps are 0.
Values random_inputs(const ir::Graph& graph, std::uint64_t seed);

// `inputs` of one graph as another takes them, whose flat inputs gather what were inputs of their own; what has no
// match starts as its init says.
Values adapt_inputs(const Values& inputs, const ir::Graph& graph);

// Where two graphs differ on `inputs` of the first, "" where they do not: outputs of one name, element by element,
// to a tolerance relative to the largest of them. Where the first gives no finite number, the second may give any.
// Error where there is nothing to compare.
std::string find_difference(const ir::Graph& before, const ir::Graph& after, const Values& inputs, const RunGraph& run,
                            double tolerance = 1e-6);

struct CheckOptions {
  RunGraph run;
  std::string folder = ".";  // for the reproducer
  ir::Bindings bind;         // numbers for symbols while checking; 3 for those it does not name
  int rounds = 2;            // sets of inputs
  double tolerance = 1e-6;
};

// Runs the passes in order and compares around each. At the first that differs: writes FOLDER/reproduce_PASS.weft, the
// graph before it with the command that shows the difference, and throws InternalError that says where.
GraphPtr check_each(GraphPtr graph, const std::vector<std::string>& names, Context& context,
                    const CheckOptions& options);

}  // namespace weft::passes
