// What the passes promise beyond their text cases: equality before and after on random graphs, the optimizers' values
// against REFERENCE.md, unchanged graphs returned as they are.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "backends/reference/reference.h"
#include "ir/text/parse.h"
#include "ir/text/print.h"
#include "ir/verify.h"
#include "passes/check_each.h"
#include "passes/pipeline.h"
#include "passes/simplify/rule.h"
#include "tests/cases/case_file.h"
#include "tests/support/random_graph.h"
#include "tests/support/temp_folder.h"

using namespace weft;
using ir::OpCode;
using passes::Context;
using passes::GraphPtr;
using passes::OptimizerSpec;
using passes::Values;

namespace {

GraphPtr parse(const std::string& text) { return std::make_shared<const ir::Graph>(ir::parse_graph(text, "test")); }

int count(const ir::Graph& graph, OpCode code) {
  return int(std::count_if(graph.ops.begin(), graph.ops.end(), [code](const ir::Op& op) { return op.code == code; }));
}

// The reference interpreter, by name.
Values run(const ir::Graph& graph, const Values& inputs) {
  std::vector<reference::Tensor> tensors;
  for (const ir::Input& input : graph.inputs)
    tensors.push_back({graph.type(input.value), inputs.at(graph.values[input.value].name)});
  const std::vector<reference::Tensor> results = reference::run<double>(graph, tensors);
  Values outputs;
  for (std::size_t i = 0; i < results.size(); ++i) outputs[graph.outputs[i].name] = results[i].data;
  return outputs;
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
  OptimizerSpec spec;
  spec.kind = OptimizerSpec::Kind::sgd;
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

namespace {

// loss = g . p, so that the gradient of each step is the data input g.
const char* kLinear = R"(
graph @loss(%g: f32[2], %p: f32[2] {role=param, init=constant(1)}) -> (loss: f32[]) {
  %0 = mul %g, %p : f32[2]
  %1 = reduce_sum %0 {axes=[0]} : f32[1]
  %loss = reshape %1 : f32[]
  return %loss
})";

// The same of a matrix.
const char* kLinearMatrix = R"(
graph @loss(%g: f32[2,1], %p: f32[2,1] {role=param, init=constant(1)}) -> (loss: f32[]) {
  %0 = mul %g, %p : f32[2,1]
  %1 = reduce_sum %0 {axes=[0,1]} : f32[1,1]
  %loss = reshape %1 : f32[]
  return %loss
})";

// The param after the three steps of REFERENCE.md.
std::vector<double> three_steps(const OptimizerSpec& spec, const char* loss = kLinear) {
  Context context;
  const GraphPtr step = passes::training_step(parse(loss), spec, context);
  ir::verify(*step);
  Values inputs = passes::adapt_inputs({{"g", {0, 0}}, {"p", {1, -2}}}, *step);
  const std::vector<std::vector<double>> gradients = {{.1, -.5}, {.3, .2}, {-.4, .1}};
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    inputs["g"] = gradients[i];
    if (inputs.count("rng") != 0) inputs["rng"] = {1, 0, double(i), 0};
    const Values outputs = run(*step, inputs);
    for (const ir::Output& output : step->outputs)
      if (output.donates != ir::kNone) inputs[step->input_name(output.donates)] = outputs.at(output.name);
  }
  const auto& params = inputs.at("params");
  CHECK(std::all_of(params.begin() + 2, params.end(), [](double gap) { return gap == 0; }));
  return {params[0], params[1]};
}

void check_near(const std::vector<double>& actual, const std::vector<double>& expected, double tolerance = 2e-9) {
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(std::abs(actual[i] - expected[i]) < tolerance);
}

OptimizerSpec spec_of(OptimizerSpec::Kind kind, double learning_rate, double weight_decay) {
  OptimizerSpec spec;
  spec.kind = kind;
  spec.learning_rate = learning_rate;
  spec.weight_decay = weight_decay;
  return spec;
}

}  // namespace

TEST_CASE("optimizers reach the values of REFERENCE.md after three steps") {
  using Kind = OptimizerSpec::Kind;
  check_near(three_steps(spec_of(Kind::sgd, .1, 0)), {1, -1.98});
  check_near(three_steps(spec_of(Kind::momentum, .1, .01)), {.950362789, -1.901459548});
  check_near(three_steps(spec_of(Kind::nesterov, .1, .01)), {.952486112551, -1.885622159332}, 1e-11);
  check_near(three_steps(spec_of(Kind::adam, .01, 0)), {.981436200194, -1.985084742685}, 1e-11);
  check_near(three_steps(spec_of(Kind::adam, .01, .1)), {.977746685991, -1.977299589550}, 1e-11);
  check_near(three_steps(spec_of(Kind::adamw, .01, .1)), {.978468367003, -1.979114186743}, 1e-11);
}

TEST_CASE("LARS moves a matrix by a share of its norm, a vector by momentum without decay") {
  OptimizerSpec spec = spec_of(OptimizerSpec::Kind::lars, .1, .01);
  spec.trust = .02;
  check_near(three_steps(spec, kLinearMatrix), {.994628576252, -1.992968645770}, 1e-9);
  check_near(three_steps(spec), three_steps(spec_of(OptimizerSpec::Kind::momentum, .1, 0)), 1e-12);

  // Clipped gradients keep their direction, and LARS their length: only the weight decay weighs more beside them.
  spec.weight_decay = 0;
  const std::vector<double> free = three_steps(spec, kLinearMatrix);
  spec.clip_norm = 1e-3;
  check_near(three_steps(spec, kLinearMatrix), free, 1e-6);

  // Without a length there is no share of it: the gradient counts as it is.
  const auto one_step = [&](const std::vector<double>& p, const std::vector<double>& g) {
    Context context;
    const GraphPtr step = passes::training_step(parse(kLinearMatrix), spec, context);
    Values inputs = passes::adapt_inputs({{"g", g}, {"p", p}}, *step);
    return run(*step, inputs).at("params");
  };
  spec.clip_norm = 0;
  check_near(one_step({0, 0}, {1, -2}), {-.1, .2}, 1e-12);
  check_near(one_step({1, -2}, {0, 0}), {1, -2}, 1e-12);
}

TEST_CASE("weight decay may leave out the one-dimensional params") {
  OptimizerSpec spec = spec_of(OptimizerSpec::Kind::momentum, .1, .01);
  spec.decay_vectors = false;
  check_near(three_steps(spec), three_steps(spec_of(OptimizerSpec::Kind::momentum, .1, 0)), 1e-12);
  check_near(three_steps(spec, kLinearMatrix), {.950362789, -1.901459548});
}

TEST_CASE("clipping scales the gradients to the given global norm, and leaves smaller ones") {
  OptimizerSpec spec = spec_of(OptimizerSpec::Kind::sgd, 1, 0);
  spec.clip_norm = .25;
  double p0 = 1, p1 = -2;
  for (const auto& [a, b] : {std::pair(.1, -.5), std::pair(.3, .2), std::pair(-.4, .1)}) {
    const double scale = std::min(1.0, spec.clip_norm / (std::hypot(a, b) + 1e-6));
    p0 -= scale * a;
    p1 -= scale * b;
  }
  check_near(three_steps(spec), {p0, p1}, 1e-12);
  spec.clip_norm = 10;
  check_near(three_steps(spec), {1, -1.8}, 1e-12);
}

TEST_CASE("a param without a gradient stays as it is, weight decay or not") {
  const GraphPtr graph = parse(R"(
graph @loss(%a: f32[3] {role=param}, %frozen: f32[5] {role=param}, %b: f32[2] {role=param}) -> (loss: f32[]) {
  %0 = reduce_sum %a {axes=[0]} : f32[1]
  %1 = reduce_sum %b {axes=[0]} : f32[1]
  %s = stop_gradient %frozen : f32[5]
  %2 = reduce_sum %s {axes=[0]} : f32[1]
  %3 = mul %0, %1 : f32[1]
  %4 = add %3, %2 : f32[1]
  %loss = reshape %4 : f32[]
  return %loss
})");
  for (const auto kind : {OptimizerSpec::Kind::sgd, OptimizerSpec::Kind::adam, OptimizerSpec::Kind::adamw}) {
    Context context;
    const GraphPtr step = passes::training_step(graph, spec_of(kind, .1, .5), context);
    const auto& slots = step->inputs[step->find_input("params")].slots;
    REQUIRE(slots.size() == 3);
    CHECK(slots[2].name == "frozen");
    const Values random = passes::random_inputs(*step, 3);
    const Values inputs = passes::adapt_inputs({{"params", random.at("params")}, {"rng", {1, 0, 0, 0}}}, *step);
    const Values outputs = run(*step, inputs);
    for (const ir::Slot& slot : slots)
      for (std::size_t i = 0; i < std::size_t(slot.type.elements()); ++i) {
        const std::size_t at = std::size_t(slot.offset) + i;
        CHECK((outputs.at("params")[at] == inputs.at("params")[at]) == (slot.name == "frozen"));
      }
  }
}

TEST_CASE("update keeps other state and its donations, and takes the graph's own rng input") {
  const GraphPtr graph = parse(R"(
graph @loss(%mean: f32[2] {role=state}, %p: f32[2] {role=param}, %noise: i32[4] {role=rng}) -> (mean: f32[2], loss: f32[]) {
  %u = random_uniform %noise {stream=0} : f32[2]
  %next = add %mean, %u : f32[2]
  %0 = mul %u, %p : f32[2]
  %1 = reduce_sum %0 {axes=[0]} : f32[1]
  %loss = reshape %1 : f32[]
  return mean = %next donates %mean, %loss
})");
  Context context;
  const GraphPtr step = passes::training_step(graph, {}, context);
  CHECK(step->find_input("rng") == ir::kNone);
  CHECK(step->outputs[step->find_output("mean")].donates == step->find_input("mean"));
  for (const char* name : {"params", "adam.m", "adam.v"}) {
    CAPTURE(name);
    CHECK(step->outputs[step->find_output(name)].donates == step->find_input(name));
  }
}

TEST_CASE("update says what it lacks") {
  Context context;
  CHECK_THROWS_WITH_AS(passes::update(parse(kLinear), {}, context), doctest::Contains("run `differentiate` first"),
                       Error);
  const GraphPtr half = parse("graph @g(%p: bf16[2] {role=param}) -> (grad.p: bf16[2]) {\n return grad.p = %p\n}");
  CHECK_THROWS_WITH_AS(passes::update(half, {}, context), doctest::Contains("%p is bf16[2]"), Error);
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
                       doctest::Contains("nothing to compare"), Error);
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
