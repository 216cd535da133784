// Checks passes by execution: on random inputs, a graph must compute the same results before and after each pass. The
// caller supplies the interpreter, because passes know no backend.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "passes/passes.h"

namespace weft::passes {

// Elements by input or output name, row-major.
using Values = std::map<std::string, std::vector<double>>;
using RunGraph = std::function<Values(const ir::Graph& graph, const Values& inputs)>;

// Random inputs for a static graph: floats in (-1, 1), positive floats for state (variances), defaults for hyper
// inputs, 0 or 1 for i32 (indices), small seeds for rng. A flat input holds its slots; gaps are 0.
Values random_inputs(const ir::Graph& graph, std::uint64_t seed);

// Converts the `inputs` of one graph to those of another, whose flat inputs may gather several inputs of the first.
// Unmatched values start from their init.
Values adapt_inputs(const Values& inputs, const ir::Graph& graph);

// Compares outputs of the same name, element by element, on `inputs` of the first graph; the tolerance is relative to
// the largest element. Returns the first difference, or "". Skips elements that are not finite in `before`. Throws
// Error if no element can be compared.
std::string find_difference(const ir::Graph& before, const ir::Graph& after, const Values& inputs, const RunGraph& run,
                            double tolerance = 1e-6);

struct CheckOptions {
  RunGraph run;
  std::string folder = ".";  // where the reproducer is written
  ir::Bindings bind;         // sizes of symbols while checking; 3 for all others
  int rounds = 2;            // number of random input sets
  double tolerance = 1e-6;
};

// Runs the passes in order and compares the graphs around each. At the first difference it writes
// FOLDER/reproduce_PASS.weft, the graph before that pass with the command that reproduces the difference, and throws
// InternalError.
GraphPtr check_each(GraphPtr graph, const std::vector<std::string>& names, Context& context,
                    const CheckOptions& options);

}  // namespace weft::passes
