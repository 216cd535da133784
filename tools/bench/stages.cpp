// Runs the compiler up to a stage.
#include "tools/bench/stages.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/text/print.h"
#include "passes/plan/plan.h"
#include "training/data/digits.h"
#include "training/feed.h"
#include "training/step.h"

namespace weft::tools {

const std::vector<std::string>& stage_names() {
  static const std::vector<std::string> names = {"graph",   "differentiated", "updated", "fused", "planned",
                                                 "program", "kernels",        "llvm",    "asm",   "cuda"};
  return names;
}

ir::GraphPtr graph_to_compile(const ir::Module& module, const StageOptions& options, passes::Context& context,
                              const passes::Observe& observe) {
  if (options.entry.empty()) return training::training_step(module, options.optimizer, context, observe);
  const auto entry = std::make_shared<const ir::Graph>(training::entry_of(module, options.entry));
  return passes::run_passes(entry, passes::forward_pipeline(), context, observe);
}

ir::Bindings bindings_for(const ir::Graph& graph, std::int64_t batch) {
  ir::Bindings bindings;
  for (const std::string& symbol : graph.symbols())
    bindings[symbol] = symbol == training::kSizeSymbol ? training::DigitsOptions().train : batch;
  return bindings;
}

ir::GraphPtr graph_to_plan(const ir::GraphPtr& graph, std::int64_t batch, passes::Context& context,
                           Precision precision) {
  CompileOptions options;
  options.precision = precision;
  options.bind = bindings_for(*graph, batch);
  CompileReport report;
  const ir::GraphPtr planned = lowered(graph, options, &report);
  context.notes.insert(context.notes.end(), report.notes.begin(), report.notes.end());
  return planned;
}

namespace {

// A file that `weft opt` and other commands read.
std::string as_file(const ir::Module& module, const ir::Graph& graph) {
  return ir::print(ir::Module{module.name, {graph}});
}

std::string differentiated(const ir::Module& module, const StageOptions& options, passes::Context& context) {
  ir::GraphPtr result;
  graph_to_compile(module, options, context, [&](const std::string& pass, const ir::GraphPtr& graph, double) {
    if (pass == passes::gradient_pipeline().back()) result = graph;
  });
  return as_file(module, *result);
}

// A translation unit for nvcc.
std::string cuda_text(const ir::GraphPtr& graph, const StageOptions& options) {
  CompileOptions compile_options;
  compile_options.bind = bindings_for(*graph, options.batch);
  compile_options.precision = options.precision;
  compile_options.backend = "cuda";
  return kernel_source(graph, compile_options);
}

std::string machine_text(const ir::GraphPtr& graph, const std::string& stage, const StageOptions& options) {
  const std::vector<std::string> backends = backend_names();
  if (std::ranges::find(backends, "cpu") == backends.end())
    fail("stage {} needs the cpu backend, which this build lacks; configure Weft with LLVM 19 and oneDNN", stage);
  CompileOptions compile_options;
  compile_options.bind = bindings_for(*graph, options.batch);
  compile_options.threads = 1;
  CompileReport report;
  report.want_text = true;
  compile(graph, compile_options, &report);
  if (stage == "program") return report.program_text;
  return stage == "kernels" ? "weft 1\n\n" + report.kernels_text : stage == "llvm" ? report.llvm_text : report.asm_text;
}

}  // namespace

std::string dump_stage(const ir::Module& module, const std::string& stage, const StageOptions& options,
                       std::vector<passes::Note>& notes) {
  passes::Context context;
  context.contrastive = options.contrastive;
  const auto text = [&]() -> std::string {
    if (stage == "graph")
      return options.entry.empty() ? ir::print(module) : as_file(module, training::entry_of(module, options.entry));
    if ((stage == "differentiated" || stage == "updated") && !options.entry.empty())
      fail("only the training step has a stage {}; omit --entry", stage);
    if (stage == "differentiated") return differentiated(module, options, context);
    const ir::GraphPtr graph = graph_to_compile(module, options, context);
    if (stage == "updated") return as_file(module, *graph);
    if (stage == "cuda") return cuda_text(graph, options);
    if (stage != "fused" && stage != "planned") return machine_text(graph, stage, options);
    const ir::GraphPtr fused = graph_to_plan(graph, options.batch, context, options.precision);
    std::string result = as_file(module, *fused);
    if (stage == "planned") result += "\n" + passes::print(passes::make_plan(*fused), *fused);
    return result;
  };
  std::string result = text();
  notes.insert(notes.end(), context.notes.begin(), context.notes.end());
  return result;
}

}  // namespace weft::tools
