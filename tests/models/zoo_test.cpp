// What every model's training step keeps to, read off the compiled graph.
#include <doctest/doctest.h>

#include "ir/error.h"
#include "ir/kernel/lower.h"
#include "ir/kernel/text/parse.h"
#include "ir/kernel/text/print.h"
#include "models/registry.h"
#include "passes/pipeline.h"
#include "passes/plan/plan.h"
#include "training/feed.h"
#include "training/step.h"

using namespace weft;

namespace {

struct Step {
  ir::Module module;
  ir::GraphPtr polymorphic, fused;
};

Step step_of(const Model& model, const passes::OptimizerSpec& optimizer = {}) {
  Step step{build_module(model, Settings(model)), nullptr, nullptr};
  passes::Context context;
  step.polymorphic = training::training_step(step.module, optimizer, context);
  const ir::Graph bound = ir::bind(*step.polymorphic, {{"B", 32}, {std::string(training::kSizeSymbol), 100}});
  step.fused = passes::run_passes(std::make_shared<const ir::Graph>(bound), passes::compile_pipeline(), context);
  return step;
}

int count(const ir::Graph& graph, ir::OpCode code) {
  int found = 0;
  for (const ir::Op& op : graph.ops) found += op.code == code;
  return found;
}

bool is_contraction(const ir::Op& op) { return ir::info(op.code).kind == ir::OpKind::contraction; }

}  // namespace

TEST_CASE("a backward contraction is a contraction: three for each forward one, but for the pixels' gradient") {
  for (const Model& model : models::all()) {
    CAPTURE(model.name);
    const Step step = step_of(model);
    int forward = 0, all = 0;
    for (const ir::Op& op : step.module.find("loss")->ops) forward += is_contraction(op);
    for (const ir::Op& op : step.fused->ops) all += is_contraction(op);
    CHECK(forward > 0);
    // The similarities of NT-Xent are one product whose backward is one kernel for both of its operands' gradients.
    CHECK(all == 3 * forward - 1 - count(*step.fused, ir::OpCode::similarity_lse_grad));
    // And nothing else multiplies two large values and sums: every body stays within the space of its own outputs.
    for (const ir::Op& op : step.fused->ops) {
      if (op.code != ir::OpCode::fused) continue;
      std::int64_t largest = 0, space = 0;
      for (const ir::Value& value : op.body->values) space = std::max(space, value.type.elements());
      for (const ir::ValueId value : op.operands) largest = std::max(largest, step.fused->type(value).elements());
      for (const ir::ValueId value : op.results) largest = std::max(largest, step.fused->type(value).elements());
      CHECK(space <= largest);
    }
  }
}

TEST_CASE("nothing is left unfused, random numbers are never stored, and the optimizer is one kernel") {
  for (const Model& model : models::all()) {
    CAPTURE(model.name);
    const ir::GraphPtr step = step_of(model).fused;
    const ir::Graph& graph = *step;
    for (const ir::Op& op : graph.ops) {
      CHECK_FALSE(ir::is_elementwise(op.code));
      CHECK(ir::info(op.code).kind != ir::OpKind::reduce);
    }
    CHECK(count(graph, ir::OpCode::random_normal) + count(graph, ir::OpCode::random_uniform) == 0);
    for (const ir::Op& op : graph.ops) {
      if (op.code != ir::OpCode::fused) continue;
      for (const ir::Output& output : op.body->outputs) {
        const ir::Op* maker = op.body->producer(output.value);
        if (!maker) continue;
        CHECK(maker->code != ir::OpCode::random_normal);
        CHECK(maker->code != ir::OpCode::random_uniform);
      }
    }
    const ir::OpId optimizer = graph.values[graph.outputs[graph.find_output("params")].value].op;
    for (const char* state : {"adam.m", "adam.v"})
      CHECK(graph.values[graph.outputs[graph.find_output(state)].value].op == optimizer);
  }
}

TEST_CASE("the VAE's step is seven kernels and eleven products, in an arena at its lower bound") {
  const Step step = step_of(models::find("vae"));
  CHECK(count(*step.fused, ir::OpCode::fused) == 7);
  CHECK(count(*step.fused, ir::OpCode::matmul) == 11);
  const passes::Plan plan = passes::make_plan(*step.fused);
  CHECK(plan.arena_bytes == plan.lower_bound_bytes);
}

TEST_CASE("every kernel of every model and optimizer is read back as it is printed") {
  using Kind = passes::OptimizerSpec::Kind;
  int kernels = 0;
  for (const Model& model : models::all())
    for (const Kind kind : {Kind::sgd, Kind::momentum, Kind::nesterov, Kind::adam, Kind::adamw, Kind::lars}) {
      CAPTURE(model.name);
      passes::OptimizerSpec optimizer;
      optimizer.kind = kind;
      optimizer.weight_decay = 1e-4;
      optimizer.clip_norm = kind == Kind::adam ? 1 : 0;
      const ir::GraphPtr step = step_of(model, optimizer).fused;
      const passes::Plan plan = passes::make_plan(*step);
      const auto strides = [&](const std::vector<ir::ValueId>& values) {
        std::vector<kernel::Strides> all;
        for (const ir::ValueId value : values) all.push_back(plan.places[value].strides);
        return all;
      };
      for (const ir::Op& op : step->ops) {
        if (op.code != ir::OpCode::fused) continue;
        const kernel::Kernel lowered =
            kernel::lower(*op.body, strides(op.operands), strides(op.results), op.body->name);
        const std::string text = kernel::print(lowered);
        CAPTURE(text);
        CHECK(kernel::parse_kernel(text, "printed") == lowered);
        ++kernels;
      }
    }
  MESSAGE(kernels << " kernels");
}
