// What the passes promise beyond their text cases: equality before and after on random graphs, and unchanged graphs
// returned as they are.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "ir/text/parse.h"
#include "ir/text/print.h"
#include "ir/verify.h"
#include "passes/check_each.h"
#include "passes/pipeline.h"
#include "passes/simplify/rule.h"
#include "tests/cases/case_file.h"
#include "tests/passes/graphs.h"
#include "tests/support/random_graph.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using ir::OpCode;
using passes::Context;
using passes::GraphPtr;
using passes::Values;
using test::kLinear;
using test::parse;
using test::run;

namespace {

int count(const ir::Graph& graph, OpCode code) {
  return int(std::count_if(graph.ops.begin(), graph.ops.end(), [code](const ir::Op& op) { return op.code == code; }));
}

passes::CheckOptions check_options() {
  passes::CheckOptions options;
  options.run = run;
  return options;
}

// A small VAE with both heads in one matrix, as the DSL makes it.
const char* kVae = R"(
graph @loss(%x: f32[B,12], %w1: f32[12,8] {role=param, init=uniform(-0.3,0.3)}, %b1: f32[8] {role=param},
            %w2: f32[8,6] {role=param}, %b2: f32[6] {role=param}, %w3: f32[3,12] {role=param}, %b3: f32[12] {role=param},
            %rng: i32[4] {role=rng}) -> (loss: f32[], recon: f32[]) {
  %h0 = matmul %x, %w1 : f32[B,8]
  %h1 = add %h0, %b1 : f32[B,8]
  %h = relu %h1 : f32[B,8]
  %heads0 = matmul %h, %w2 : f32[B,6]
  %heads = add %heads0, %b2 : f32[B,6]
  %mu = slice %heads {start=[0,0]} : f32[B,3]
  %logvar = slice %heads {start=[0,3]} : f32[B,3]
  %eps = random_normal %rng {stream=0} : f32[B,3]
  %half = constant {values=0.5} : f32[]
  %one = constant {values=1} : f32[]
  %s0 = mul %half, %logvar : f32[B,3]
  %s = exp %s0 : f32[B,3]
  %s1 = mul %s, %eps : f32[B,3]
  %z = add %mu, %s1 : f32[B,3]
  %l0 = matmul %z, %w3 : f32[B,12]
  %l = add %l0, %b3 : f32[B,12]
  %p = softplus %l : f32[B,12]
  %lx = mul %l, %x : f32[B,12]
  %bce = sub %p, %lx : f32[B,12]
  %bce1 = reduce_sum %bce {axes=[1]} : f32[B,1]
  %bce2 = reshape %bce1 : f32[B]
  %mu2 = mul %mu, %mu : f32[B,3]
  %var = exp %logvar : f32[B,3]
  %k0 = add %mu2, %var : f32[B,3]
  %k1 = sub %k0, %one : f32[B,3]
  %k2 = sub %k1, %logvar : f32[B,3]
  %k3 = reduce_sum %k2 {axes=[1]} : f32[B,1]
  %k4 = reshape %k3 : f32[B]
  %kl = mul %half, %k4 : f32[B]
  %n = dim_size {dim=[B]} : f32[]
  %r0 = reduce_sum %bce2 {axes=[0]} : f32[1]
  %r1 = reshape %r0 : f32[]
  %recon = div %r1, %n : f32[]
  %both = add %bce2, %kl : f32[B]
  %t0 = reduce_sum %both {axes=[0]} : f32[1]
  %t1 = reshape %t0 : f32[]
  %loss = div %t1, %n : f32[]
  return %loss, %recon
})";

}  // namespace

TEST_CASE("every pass keeps what a graph computes, on 200 random graphs") {
  for (unsigned seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    const GraphPtr graph = test::random_graph(seed);
    const auto inputs = test::random_inputs(*graph, seed);
    const auto expected = reference::run<double>(*graph, inputs);
    Context context;
    passes::run_passes(graph, passes::compile_pipeline(), context,
                       [&](const std::string& pass, const GraphPtr& after, double) {
                         CAPTURE(pass);
                         ir::verify(*after);
                         CHECK(test::largest_difference(reference::run<double>(*after, inputs), expected) < 1e-9);
                       });
  }
}

TEST_CASE("a pass with nothing to do returns the graph it was given") {
  for (unsigned seed = 0; seed < 50; ++seed) {
    CAPTURE(seed);
    Context context;
    const GraphPtr clean =
        passes::run_passes(test::random_graph(seed), {"fold", "simplify", "cse", "dce", "epilogue"}, context);
    for (const char* name : {"fold", "simplify", "cse", "dce", "epilogue"}) {
      CAPTURE(name);
      CHECK(passes::find_pass(name)->run(clean, context) == clean);
    }
    CHECK(context.notes.end() == std::find_if(context.notes.begin(), context.notes.end(),
                                              [](const passes::Note& note) { return note.pass == "simplify"; }));
  }
}

TEST_CASE("a VAE's step: one gradient for both heads, sums in one step each, no explicit broadcast") {
  Context context;
  GraphPtr step = passes::training_step(parse(kVae), {}, context);
  ir::verify(*step);
  CHECK(step->symbols() == std::vector<std::string>{"B"});
  step = std::make_shared<const ir::Graph>(ir::bind(*step, {{"B", 5}}));
  step = passes::run_passes(step, {"fold", "simplify", "cse", "dce", "epilogue"}, context);
  CAPTURE(ir::print(*step));
  CHECK(count(*step, OpCode::pad) == 0);
  CHECK(count(*step, OpCode::slice) == 3);   // mu, logvar, the step count
  CHECK(count(*step, OpCode::concat) == 2);  // of the heads' gradient, and of its sums for the bias
  CHECK(count(*step, OpCode::broadcast) == 0);
  CHECK(count(*step, OpCode::transpose) == 0);
  CHECK(count(*step, OpCode::matmul) == 8);      // 3 forward, 3 by weights, 2 by data
  CHECK(count(*step, OpCode::reduce_sum) == 6);  // bce, kl, b3, b2 (2), b1
  CHECK(count(*step, OpCode::pack) == 1);
  int with_bias = 0;
  for (const ir::Op& op : step->ops) with_bias += op.code == OpCode::matmul && op.operands.size() == 3;
  CHECK(with_bias == 3);
}

TEST_CASE("a training step agrees with its gradients, pass by pass") {
  Context context;
  const std::vector<std::string> names = {"stabilise", "differentiate", "fold", "simplify", "update", "simplify"};
  const GraphPtr step = passes::check_each(parse(kVae), names, context, check_options());
  // One step of SGD moves each param by -lr * gradient.
  passes::OptimizerSpec spec;
  spec.kind = passes::OptimizerSpec::Kind::sgd;
  spec.learning_rate = 0.25;
  const GraphPtr gradients = passes::run_passes(parse(kVae), passes::gradient_pipeline(), context);
  const ir::Graph before = ir::bind(*gradients, {{"B", 4}});
  const ir::Graph after = ir::bind(*passes::update(gradients, spec, context), {{"B", 4}});
  const Values inputs = passes::random_inputs(before, 1);
  const Values grads = run(before, inputs);
  const Values result = run(after, passes::adapt_inputs(inputs, after));
  const auto& slots = after.inputs[after.find_input("params")].slots;
  REQUIRE(slots.size() == 6);
  for (const ir::Slot& slot : slots) {
    CHECK(slot.offset % 16 == 0);
    const auto& p = inputs.at(slot.name);
    const auto& g = grads.at("grad." + slot.name);
    for (std::size_t i = 0; i < p.size(); ++i)
      CHECK(result.at("params")[std::size_t(slot.offset) + i] == doctest::Approx(p[i] - 0.25 * g[i]).epsilon(1e-12));
  }
  CHECK(result.at("loss") == grads.at("loss"));
}

TEST_CASE("unknown passes are refused with the nearest name") {
  Context context;
  CHECK_THROWS_WITH_AS(passes::run_passes(parse(kLinear), {"simplfy"}, context), doctest::Contains("simplify"), Error);
}

TEST_CASE("check_each stops at a wrong pass and leaves a reproducer that reads back") {
  const GraphPtr before = parse(kLinear);
  const GraphPtr after = parse(R"(
graph @loss(%g: f32[2], %p: f32[2] {role=param}) -> (loss: f32[]) {
  %0 = sub %g, %p : f32[2]
  %1 = reduce_sum %0 {axes=[0]} : f32[1]
  %loss = reshape %1 : f32[]
  return %loss
})");
  const Values inputs = passes::random_inputs(*before, 0);
  CHECK(passes::find_difference(*before, *before, inputs, run) == "");
  CHECK(passes::find_difference(*before, *after, inputs, run).find("output loss, element 0") != std::string::npos);

  const test::TempFolder folder;
  passes::CheckOptions options = check_options();
  options.folder = folder.path().string();
  int calls = 0;  // a runner that computes something else after the pass
  options.run = [&](const ir::Graph& graph, const Values& values) {
    Values outputs = run(graph, values);
    if (++calls == 2) outputs.at("loss")[0] += 1;
    return outputs;
  };
  Context context;
  const GraphPtr doubled = parse(R"(
graph @loss(%x: f32[B]) -> (loss: f32[]) {
  %0 = neg %x : f32[B]
  %1 = neg %0 : f32[B]
  %2 = reduce_sum %1 {axes=[0]} : f32[1]
  %loss = reshape %2 : f32[]
  return %loss
})");
  CHECK_THROWS_WITH_AS(passes::check_each(doubled, {"simplify"}, context, options),
                       doctest::Contains("pass simplify changes what @loss computes"), InternalError);
  std::ifstream stream(folder.path() / "reproduce_simplify.weft");
  std::stringstream text;
  text << stream.rdbuf();
  CHECK(ir::equal(ir::parse_graph(text.str(), "reproducer"), *doubled));
}

TEST_CASE("check_each refuses a graph of which nothing can be compared") {
  const GraphPtr graph = parse(R"(
graph @g(%x: f32[2]) -> (y: f32[2]) {
  %0 = mul %x, %x : f32[2]
  %1 = neg %0 : f32[2]
  %2 = constant {values=1} : f32[]
  %3 = sub %1, %2 : f32[2]
  %y = log %3 : f32[2]
  return %y
})");
  CHECK_THROWS_WITH_AS(passes::find_difference(*graph, *graph, passes::random_inputs(*graph, 0), run),
                       doctest::Contains("no common output"), Error);
}

TEST_CASE("similarities keeps tiles for a loss that has a gradient, and for no other") {
  const std::string head = "graph @g(%x: f32[64,8], %r: f32[64,1]) -> ";
  const std::string loss = " {\n  %loss = similarity_lse %x, %r : f32[64,1]\n";
  const std::string gradient = "  %d = similarity_lse_grad %x, %r, %loss, %r : f32[64,8]\n";
  const GraphPtr forward = parse(head + "(loss: f32[64,1])" + loss + "  return %loss\n}\n");
  const GraphPtr both = parse(head + "(loss: f32[64,1], d: f32[64,8])" + loss + gradient + "  return %loss, %d\n}\n");
  Context context;
  CHECK(passes::similarities(both, context) == both);  // where the target keeps none
  context.target.similarity_block = [](const ir::Type&) { return 16; };
  CHECK(passes::similarities(forward, context) == forward);
  const GraphPtr kept = passes::similarities(both, context);
  CHECK(count(*kept, OpCode::similarity_tiles) == 1);
  CHECK(passes::similarities(kept, context) == kept);
}

TEST_CASE("every rule of simplify has a text case that is named for it") {
  const std::filesystem::path folder = std::filesystem::path(WEFT_SOURCE_DIR) / "tests/passes";
  const auto check_table = [&](const char* file, const std::vector<passes::Rule>& rules) {
    REQUIRE(!rules.empty());
    std::vector<std::string> names;
    for (const test::Case& each : test::read_case_file(folder / file).cases) names.push_back(each.name);
    for (const passes::Rule& rule : rules) {
      CAPTURE(rule.text);
      CHECK(std::find(names.begin(), names.end(), rule.text) != names.end());
    }
  };
  check_table("simplify_arithmetic.weft", passes::arithmetic_rules());
  check_table("simplify_movement.weft", passes::movement_rules());
  check_table("simplify_reduction.weft", passes::reduction_rules());
}
