// The order of the passes; no other file depends on it.
#include "passes/pipeline.h"

#include <algorithm>
#include <chrono>

#include "ir/error.h"
#include "ir/text/suggest.h"

namespace weft::passes {

const std::vector<Pass>& all_passes() {
  static const std::vector<Pass> table = {
#define WEFT_PASS(name, doc) {#name, doc, [](const GraphPtr& graph, Context& context) { return name(graph, context); }},
#include "passes/passes.def"
#undef WEFT_PASS
  };
  return table;
}

const std::vector<std::string>& gradient_pipeline() {
  // simplify runs last: it finds zero gradients, whose params `update` skips.
  static const std::vector<std::string> names = {"stabilise", "contrastive", "differentiate", "fold", "simplify"};
  return names;
}

const std::vector<std::string>& forward_pipeline() {
  static const std::vector<std::string> names = {"stabilise", "contrastive"};
  return names;
}

std::vector<std::string> compile_pipeline(const PipelineOptions& options) {
  // fold runs first, because dims are now bound. fuse runs after epilogue, which removes ops that would become kernels.
  // simplify runs again after layout to join reshapes and transposes.
  std::vector<std::string> names = {"fold", "simplify", "cse", "dce", "similarities"};
  if (options.bf16) names.push_back("bf16");
  for (const char* name : {"epilogue", "layout", "simplify", "fuse", "weight_layout", "copies"}) names.push_back(name);
  return names;
}

const std::vector<std::string>& export_pipeline() {
  static const std::vector<std::string> names = {"stabilise", "fold", "simplify", "cse", "dce", "epilogue"};
  return names;
}

const Pass* find_pass(std::string_view name) {
  const auto& table = all_passes();
  const auto found = std::find_if(table.begin(), table.end(), [&](const Pass& pass) { return pass.name == name; });
  return found == table.end() ? nullptr : &*found;
}

namespace {

GraphPtr run_pass(const Pass& pass, const GraphPtr& graph, Context& context, const Observe& observe) {
  const auto start = std::chrono::steady_clock::now();
  GraphPtr result = pass.run(graph, context);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  if (observe) observe(pass.name, result, seconds.count());
  return result;
}

const Pass& need_pass(const std::string& name) {
  if (const Pass* pass = find_pass(name)) return *pass;
  std::vector<std::string> names;
  for (const Pass& pass : all_passes()) names.push_back(pass.name);
  fail("there is no pass \"{}\"{}", name, did_you_mean(name, names));
}

}  // namespace

GraphPtr run_passes(GraphPtr graph, const std::vector<std::string>& names, Context& context, const Observe& observe) {
  std::vector<const Pass*> wanted;
  for (const std::string& name : names) wanted.push_back(&need_pass(name));
  for (const Pass* pass : wanted) graph = run_pass(*pass, graph, context, observe);
  return graph;
}

GraphPtr training_step(const GraphPtr& loss_entry, const OptimizerSpec& spec, Context& context,
                       const Observe& observe) {
  const GraphPtr gradients = run_passes(loss_entry, gradient_pipeline(), context, observe);
  const Pass with_spec{"update", "",
                       [&spec](const GraphPtr& graph, Context& inner) { return update(graph, spec, inner); }};
  return run_pass(with_spec, gradients, context, observe);
}

}  // namespace weft::passes
