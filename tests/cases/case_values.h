// Numbers of text cases: the inputs that a heading gives, outputs as text, and running a graph on them.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "passes/check_each.h"
#include "tests/cases/case_file.h"

namespace weft::test {

using passes::Values;

// The graph of a case, its dims bound by the heading `bind: B=4, N=2`; where `all` is set, dims not named there are 3.
ir::GraphPtr case_graph(const Case& test_case, bool all);

// A number for every input: `input x: 1 2 3` row-major (one number fills all) or `input x: uniform LOW HIGH`, else
// random as passes::random_inputs has it, from `seed: N`.
Values case_inputs(const Case& test_case, const ir::Graph& graph);

// What a heading says of an input of `count` elements.
std::vector<double> read_input(const std::string& text, std::size_t count, std::mt19937_64& random);

double case_number(const Case& test_case, std::string_view key, double fallback);

// One line an output: "y: f32[2,2] = 1 2 3 4".
std::string values_text(const ir::Graph& graph, const Values& outputs);
std::string values_line(const std::string& name, const ir::Type& type, const std::vector<double>& values);

// "" where the text written by values_text holds the same numbers, to `tolerance` relative to 1 and to each; the first
// difference otherwise.
std::string compare_values(const std::string& expected, const std::string& actual, double tolerance);

// A backend of `weft::compile`.
Values run_backend(const ir::GraphPtr& graph, const Values& inputs, const std::string& backend, int threads);

}  // namespace weft::test
