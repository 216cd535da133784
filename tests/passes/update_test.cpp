// The optimizers: values after some steps against those of other software, and what `update` makes of a graph.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "ir/error.h"
#include "ir/verify.h"
#include "passes/pipeline.h"
#include "tests/passes/graphs.h"

using namespace weft;
using passes::Context;
using passes::GraphPtr;
using passes::OptimizerSpec;
using passes::Values;
using test::kLinear;
using test::parse;
using test::run;

namespace {

// The same of a matrix.
const char* kLinearMatrix = R"(
graph @loss(%g: f32[2,1], %p: f32[2,1] {role=param, init=constant(1)}) -> (loss: f32[]) {
  %0 = mul %g, %p : f32[2,1]
  %1 = reduce_sum %0 {axes=[0,1]} : f32[1,1]
  %loss = reshape %1 : f32[]
  return %loss
})";

// The param after three steps by fixed gradients.
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

TEST_CASE("optimizers reach the values of other software after three steps") {
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
