// Running whole graphs on the reference: fused bodies, rounding, inputs that do not fit, and as a Program.
#include <doctest/doctest.h>

#include <cmath>

#include "backends/reference/program.h"
#include "backends/reference/reference.h"
#include "ir/builder.h"
#include "ir/error.h"

using namespace weft;
using ir::f32;
using ir::OpCode;
using reference::Tensor;

namespace {

using Values = std::vector<double>;

// y = tanh(x) * 2 as one fused op with two results.
ir::GraphPtr fused_graph() {
  ir::Builder body("body");
  const ir::ValueId x = body.input("x", f32({3}));
  const ir::ValueId t = body.create(OpCode::tanh, {x});
  body.output("t", t);
  body.output("y", body.create(OpCode::mul, {t, body.constant(2)}));
  ir::Builder builder("whole");
  const ir::ValueId input = builder.input("w", f32({3}), ir::Role::param);
  const std::vector<ir::ValueId> results = builder.fused({input}, std::make_shared<const ir::Graph>(body.take()));
  builder.output("t", results[0]);
  builder.output("w", results[1], 0);
  return std::make_shared<const ir::Graph>(builder.take());
}

}  // namespace

TEST_CASE("a fused op is its body") {
  const std::vector<Tensor> outputs = reference::run<double>(*fused_graph(), {Tensor{f32({3}), {0, 1, -1}}});
  CHECK(outputs[0].data == Values{0, std::tanh(1.0), -std::tanh(1.0)});
  CHECK(outputs[1].data[1] == 2 * std::tanh(1.0));
}

TEST_CASE("float rounds every value, double none") {
  ir::Builder builder("digits");
  const ir::ValueId x = builder.input("x", f32({}));
  builder.output(
      "y", builder.create(OpCode::sub, {builder.create(OpCode::add, {x, builder.constant(1)}), builder.constant(1)}));
  const ir::Graph graph = builder.take();
  CHECK(reference::run<float>(graph, {Tensor{f32({}), {1e-9}}}).front().data[0] == 0);
  CHECK(reference::run<double>(graph, {Tensor{f32({}), {1e-9}}}).front().data[0] == doctest::Approx(1e-9));
}

TEST_CASE("inputs that do not fit are the user's error") {
  const ir::GraphPtr graph = fused_graph();
  CHECK_THROWS_WITH_AS(reference::run<float>(*graph, {}), doctest::Contains("takes 1 inputs, got 0"), Error);
  CHECK_THROWS_WITH_AS(reference::run<float>(*graph, {reference::filled(f32({4}), 1)}),
                       doctest::Contains("f32[3], got f32[4]"), Error);
  ir::Builder builder("free");
  builder.output("y", builder.create(OpCode::exp, {builder.input("x", f32({ir::Dim("B")}))}));
  const auto free = std::make_shared<const ir::Graph>(builder.take());
  CHECK_THROWS_WITH_AS(reference::run<float>(*free, {reference::filled(f32({1}), 1)}),
                       doctest::Contains("bind its symbols"), Error);
  CHECK_THROWS_WITH_AS(reference::make_program(free), doctest::Contains("free dim B"), Error);
}

TEST_CASE("the program updates donated state in place") {
  const auto program = reference::make_program(fused_graph());
  const int w = program->find_input("w");
  CHECK(program->inputs()[std::size_t(w)].role == ir::Role::param);
  CHECK(program->output(program->find_output("w")) == program->input(w));
  auto* own = static_cast<float*>(program->input(w));
  own[0] = 0;
  own[1] = 1;
  own[2] = -1;
  program->run();
  CHECK(own[1] == 2 * std::tanh(1.0f));
  CHECK(static_cast<const float*>(program->output(0))[1] == std::tanh(1.0f));
  float mine[3] = {0, 0.5, 0};
  program->bind_input(w, mine);
  program->run();
  CHECK(mine[1] == 2 * std::tanh(0.5f));
  CHECK(own[1] == 2 * std::tanh(1.0f));
  CHECK(program->memory().arena_bytes == 24);
}
