// What a text case can ask for: print, error, pass, plan, run, gradient, dump; kernel_kinds.cpp has what is about
// kernels.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "backends/compile.h"
#include "backends/oracle.h"
#include "ir/error.h"
#include "ir/kernel/text/parse.h"
#include "ir/kernel/text/print.h"
#include "ir/text/parse.h"
#include "ir/text/print.h"
#include "ir/verify.h"
#include "passes/check_each.h"
#include "passes/pipeline.h"
#include "passes/plan/plan.h"
#include "tests/cases/case_runner.h"
#include "tests/cases/case_values.h"
#include "tests/cases/kernel_kinds.h"

namespace weft::test {

namespace {

Outcome failed(std::string message, std::string actual = "") {
  Outcome outcome;
  outcome.passed = false;
  outcome.message = std::move(message);
  outcome.actual = std::move(actual);
  return outcome;
}

// The text of the Error that `action` throws; an Error of our own where it throws none.
template <typename Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  fail("an error was expected, but there is none");
}

Outcome print_kernels(const Case& test_case) {
  const std::vector<kernel::Kernel> kernels = kernel::parse(test_case.input, "input");
  std::string text;
  for (const kernel::Kernel& each : kernels) text += kernel::print(each);
  if (kernel::parse(text, "printed") != kernels) return failed("parse(print(kernels)) differs from them");
  return expect_text(test_case, text);
}

Outcome run_print(const Case& test_case) {
  if (kernel::is_kernel_text(test_case.input)) return print_kernels(test_case);
  const ir::Graph graph = ir::parse_graph(test_case.input, "input");
  const std::string text = ir::print(graph);
  if (!ir::equal(ir::parse_graph(text, "printed"), graph)) return failed("parse(print(graph)) differs from it");
  return expect_text(test_case, text);
}

// Input that starts with the version line is a whole file, else one graph.
Outcome run_error(const Case& test_case) {
  return expect_text(test_case, error_of([&] {
                       if (kernel::is_kernel_text(test_case.input))
                         kernel::parse(test_case.input, "input");
                       else if (test_case.has("file"))
                         ir::parse(test_case.input, "input");
                       else
                         ir::parse_graph(test_case.input, "input");
                     }));
}

std::string notes_text(const passes::Context& context) {
  std::string text;
  for (const passes::Note& note : context.notes) {
    const std::string place = to_string(note.location);
    text += fmt::format("// {}: {}{}{}\n", note.pass, place, place.empty() ? "" : ": ", note.text);
  }
  return text;
}

// Whether both graphs compute the same from the same inputs; dims that are not bound are 3 here.
std::string check_same(const Case& test_case, const ir::Graph& before, const ir::Graph& after) {
  ir::Bindings bindings;
  for (const std::string& symbol : before.symbols()) bindings[symbol] = 3;
  const ir::Graph first = ir::bind(before, bindings), second = ir::bind(after, bindings);
  return passes::find_difference(first, second, case_inputs(test_case, first), run_oracle,
                                 case_number(test_case, "tolerance", 1e-6));
}

Outcome run_pass(const Case& test_case) {
  const ir::GraphPtr before = case_graph(test_case, false);
  const std::vector<std::string> names = split(*test_case.find("pass"), ',');
  passes::Context context;
  if (test_case.has("fails"))
    return expect_text(test_case, error_of([&] { passes::run_passes(before, names, context); }));
  const ir::GraphPtr after = passes::run_passes(before, names, context);
  ir::verify(*after);
  const std::string difference = check_same(test_case, *before, *after);
  if (!difference.empty()) return failed("the passes change what the graph computes: " + difference);
  return expect_text(test_case, ir::print(*after) + (test_case.has("notes") ? notes_text(context) : ""));
}

Outcome run_plan(const Case& test_case) {
  passes::Context context;
  const ir::GraphPtr graph = passes::run_passes(case_graph(test_case, false), {"fuse", "copies"}, context);
  return expect_text(test_case, passes::print(passes::make_plan(*graph), *graph));
}

bool have_backend(const std::string& name) {
  const std::vector<std::string> known = backend_choices();
  return std::find(known.begin(), known.end(), name) != known.end();
}

// Runs every backend listed, on one thread and on two: the values must be those of the case, and the same bits.
Outcome run_values(const Case& test_case) {
  const ir::GraphPtr graph = case_graph(test_case, false);
  const Values inputs = case_inputs(test_case, *graph);
  Outcome outcome;
  for (std::string backend : split(*test_case.find("run"), ',')) {
    if (backend == "cuda-emulated" && std::getenv("WEFT_TEST_GPU")) backend = "cuda";  // scripts/gpu-check
    if (!have_backend(backend)) {
      outcome.skipped.push_back(fmt::format("{}: this build has only {}", backend, fmt::join(backend_choices(), ", ")));
      continue;
    }
    const Values values = run_backend(graph, inputs, backend, 1);
    const std::string text = values_text(*graph, values);
    if (outcome.actual.empty()) outcome.actual = text;
    if (!test_case.has_expectation) return failed("a run case needs '// expect:' and values", outcome.actual);
    if (text != values_text(*graph, run_backend(graph, inputs, backend, 2)))
      return failed(fmt::format("{}: one thread and two give different bits", backend));
    const std::string difference = compare_values(test_case.expected, text, case_number(test_case, "tolerance", 1e-5));
    if (!difference.empty()) return failed(fmt::format("{}: {}\n{}", backend, difference, text), outcome.actual);
  }
  if (outcome.actual.empty()) return failed("no backend ran");
  return outcome;
}

// d loss / d element by central differences in double arithmetic.
double finite_difference(const ir::Graph& graph, Values inputs, const std::string& name, std::size_t element) {
  double& x = inputs.at(name)[element];
  const double step = 1e-5 * std::max(1.0, std::abs(x)), middle = x;
  x = middle + step;
  const double above = run_oracle(graph, inputs).at("loss").at(0);
  x = middle - step;
  const double below = run_oracle(graph, inputs).at("loss").at(0);
  return (above - below) / (2 * step);
}

// Differentiates `loss` and compares each element of each grad.NAME with finite differences.
Outcome run_gradient(const Case& test_case) {
  const ir::GraphPtr graph = case_graph(test_case, true);
  const Values inputs = case_inputs(test_case, *graph);
  passes::Context context;
  const ir::GraphPtr after = passes::differentiate(graph, context);
  ir::verify(*after);
  const Values outputs = run_oracle(*after, inputs);
  const double tolerance = case_number(test_case, "tolerance", 1e-6);
  int compared = 0;
  for (const auto& [output, gradient] : outputs) {
    if (output.rfind("grad.", 0) != 0) continue;
    const std::string name = output.substr(5);
    for (std::size_t i = 0; i < gradient.size(); ++i, ++compared) {
      const double expected = finite_difference(*graph, inputs, name, i);
      if (!(std::abs(gradient[i] - expected) <= tolerance * (1 + std::abs(expected))))
        return failed(
            fmt::format("{}, element {}: {:.9g}, by finite differences {:.9g}", output, i, gradient[i], expected));
    }
  }
  if (compared == 0) return failed("no gradient to compare: the graph has no param");
  return {};
}

Outcome run_dump(const Case& test_case) {
  Outcome outcome;
  if (!have_backend("cpu")) {
    outcome.skipped.push_back("cpu: this build lacks it");
    return outcome;
  }
  const std::string stage = *test_case.find("dump");
  CompileReport report;
  report.want_text = true;
  CompileOptions options;
  options.threads = 1;
  compile(case_graph(test_case, false), options, &report);
  if (stage == "program") return expect_text(test_case, report.program_text);
  if (stage == "kernels") return expect_text(test_case, report.kernels_text);
  if (stage == "llvm") return expect_text(test_case, report.llvm_text);
  fail("dump: '{}' is none of program, kernels, llvm", stage);
}

}  // namespace

std::vector<CaseKind> all_case_kinds() {
  std::vector<CaseKind> kinds = {
      {"print", "parse and print a graph or kernels: the text expected, by default the input", {}, run_print},
      {"error",
       "the text of the error that parsing ends in; `file` for a whole file with its version line",
       {"file"},
       run_error},
      {"pass",
       "a list of passes: the graph after them, which must compute the same; `notes` to see them, `fails` where "
       "an error is expected",
       {"bind", "seed", "tolerance", "notes", "fails", "input *"},
       run_pass},
      {"plan", "the memory plan of the graph, fused", {"bind"}, run_plan},
      {"run", "a list of backends: the values of the outputs", {"bind", "seed", "tolerance", "input *"}, run_values},
      {"gradient",
       "of the output `loss` by every param, against finite differences",
       {"bind", "seed", "tolerance", "input *"},
       run_gradient},
      {"dump", "program, kernels or llvm: the text of that stage of the cpu backend", {"bind"}, run_dump},
  };
  for (CaseKind& each : kernel_case_kinds()) kinds.push_back(std::move(each));
  return kinds;
}

}  // namespace weft::test
