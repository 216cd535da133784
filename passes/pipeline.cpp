// The table of passes and their order: the only file that knows either.
#include "passes/pipeline.h"

#include <algorithm>
#include <chrono>

#include "ir/error.h"
#include "ir/suggest.h"

namespace weft::passes {

const std::vector<Pass>& all_passes() {
  static const std::vector<Pass> table = {
      {"stabilise", "forms that overflow or lose digits become stable ones; before differentiate", stabilise},
      {"contrastive", "NT-Xent over an n x n matrix of similarities streams through tiles; after stabilise",
       contrastive},
      {"differentiate", "adds an output grad.NAME for each param; needs a scalar output `loss`", differentiate},
      {"update", "consumes grad.NAME; params, gradients and moments become flat vectors (by Adam's defaults here)",
       [](const GraphPtr& graph, Context& context) { return update(graph, {}, context); }},
      {"fold", "ops of constants become constants; sizes too, once dims are bound", fold},
      {"simplify", "algebra, until no rule applies; after differentiate, for it drops stop_gradient", simplify},
      {"cse", "equal pure ops become one", cse},
      {"dce", "drops ops that no output needs", dce},
      {"similarities", "products of few rows are kept from NT-Xent for its gradient; after cse", similarities},
      {"bf16", "operands of products and convolutions are rounded to bf16: by choice, before epilogue", bf16},
      {"epilogue", "bias and activation go into the contraction before them; after simplify", epilogue},
      {"layout", "images become [N,H,W,C] around convolutions and pooling; tiles of pooling become reductions", layout},
      {"fuse", "elementwise, random and reduce ops become kernels; needs bound dims", fuse},
      {"weight_layout", "kernels of convolutions and their moments get the layout in memory that the target wants",
       weight_layout},
      {"copies", "a copy wherever a value can not be read or written in place: all that `plan` needs; last",
       insert_copies},
  };
  return table;
}

const std::vector<std::string>& gradient_pipeline() {
  // simplify last: it finds the gradients that are zero, whose params `update` leaves alone.
  static const std::vector<std::string> names = {"stabilise", "contrastive", "differentiate", "fold", "simplify"};
  return names;
}

const std::vector<std::string>& forward_pipeline() {
  static const std::vector<std::string> names = {"stabilise", "contrastive"};
  return names;
}

const std::vector<std::string>& compile_pipeline() {
  // fold first: dims are numbers now. fuse after epilogue: what a contraction took need not become a kernel. simplify
  // after layout: reshapes and transposes meet.
  static const std::vector<std::string> names = {"fold",         "simplify",      "cse",    "dce",
                                                 "similarities", "epilogue",      "layout", "simplify",
                                                 "fuse",         "weight_layout", "copies"};
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
