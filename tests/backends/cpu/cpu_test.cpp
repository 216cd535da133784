// The cpu backend as a whole: equal to the reference on random graphs, bitwise the same for any number of threads, and
// a run that allocates nothing and stays inside the planned arena.
#include <doctest/doctest.h>

#include <cstring>

#include "backends/compile.h"
#include "backends/reference/reference.h"
#include "ir/error.h"
#include "passes/expr.h"
#include "passes/passes.h"
#include "passes/pipeline.h"
#include "tests/support/allocations.h"
#include "tests/support/random_graph.h"

using namespace weft;
using passes::Expr;
using passes::GraphPtr;
using reference::Tensor;

namespace {

std::vector<Tensor> run_program(runtime::Program& program, const std::vector<Tensor>& inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) reference::to_bytes(inputs[i], program.input(int(i)));
  program.run();
  std::vector<Tensor> outputs;
  for (std::size_t i = 0; i < program.outputs().size(); ++i)
    outputs.push_back(reference::from_bytes(program.outputs()[i].type, program.output(int(i))));
  return outputs;
}

std::vector<Tensor> run_on_cpu(const GraphPtr& graph, const std::vector<Tensor>& inputs, int threads) {
  CompileOptions options;
  options.threads = threads;
  return run_program(*compile(graph, options), inputs);
}

bool same_bits(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].type != b[i].type ||
        std::memcmp(a[i].data.data(), b[i].data.data(), a[i].data.size() * sizeof(double)) != 0)
      return false;
  return a.size() == b.size();
}

// x -> relu(x w1 + b1) w2, squared error against x, and a step of Adam: every kind of thunk, large enough for threads.
GraphPtr small_step() {
  ir::Builder builder("step");
  const auto input = [&](const char* name, ir::Type type, ir::Role role) {
    return Expr{&builder, builder.input(name, std::move(type), role,
                                        role == ir::Role::param ? ir::uniform_init(-0.1, 0.1) : ir::Init{})};
  };
  const Expr x = input("x", ir::f32({150, 200}), ir::Role::data);
  const Expr w1 = input("w1", ir::f32({200, 130}), ir::Role::param), b1 = input("b1", ir::f32({130}), ir::Role::param);
  const Expr w2 = input("w2", ir::f32({130, 200}), ir::Role::param);
  const Expr h = passes::relu(passes::matmul(x, w1) + b1);
  const Expr error = passes::matmul(h, w2) - x;
  builder.output("loss", (passes::sum_all(error * error) * (1.0 / 150)).id);
  passes::Context context;
  return passes::training_step(std::make_shared<const ir::Graph>(builder.take()), {}, context);
}

}  // namespace

TEST_CASE("cpu equals the reference on random graphs, with the same bits for 1, 2 and 3 threads") {
  for (unsigned seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    const GraphPtr graph = test::random_graph(seed);
    const auto inputs = test::random_inputs(*graph, seed + 1);
    const auto expected = reference::run<double>(*graph, inputs);
    const auto one = run_on_cpu(graph, inputs, 1);
    CHECK(test::largest_difference(one, expected) < 2e-4);
    CHECK(same_bits(one, run_on_cpu(graph, inputs, 2)));
    CHECK(same_bits(one, run_on_cpu(graph, inputs, 3)));
  }
}

TEST_CASE("a training step on cpu follows the reference, and its bits depend on no thread count and no earlier run") {
  const GraphPtr step = small_step();
  auto inputs = test::random_inputs(*step, 3);
  inputs[step->find_input("adam.v")] =
      reference::filled(step->type(step->inputs[step->find_input("adam.v")].value), 0.01);
  inputs[step->find_input("rng")].data = {1, 0, 4, 0};
  const auto expected = reference::run<double>(*step, inputs);
  const auto one = run_on_cpu(step, inputs, 1);
  CHECK(test::largest_difference(one, expected) < 1e-4);
  for (const int threads : {1, 2, 3, 4}) CHECK(same_bits(one, run_on_cpu(step, inputs, threads)));
}

TEST_CASE("the plan's arena is the arena: a run writes its last bytes and nothing behind it") {
  const GraphPtr step = small_step();
  const auto program = compile(step, {});
  const auto inputs = test::random_inputs(*step, 5);
  // The first input follows the arena in memory.
  auto* arena_end = static_cast<std::byte*>(program->input(0));
  auto* arena = arena_end - program->memory().arena_bytes;
  std::memset(arena, 0xAB, program->memory().arena_bytes);
  run_program(*program, inputs);
  const int x = program->find_input("x");
  CHECK(reference::from_bytes(program->inputs()[std::size_t(x)].type, program->input(x)).data ==
        inputs[std::size_t(x)].data);
  std::size_t touched = 0;
  for (std::size_t i = 0; i < program->memory().arena_bytes; ++i)
    if (arena[i] != std::byte(0xAB)) touched = i + 1;
  CHECK(touched + 64 > program->memory().arena_bytes);  // the last buffer may end before its cache line does
}

TEST_CASE("errors: a symbol without a number, an unknown backend") {
  ir::Builder builder("g");
  const ir::ValueId x = builder.input("x", ir::f32({ir::Dim("B"), 3}));
  builder.output("y", builder.create(ir::OpCode::exp, {x}));
  const GraphPtr graph = std::make_shared<const ir::Graph>(builder.take());
  CHECK_THROWS_WITH_AS(compile(graph, {}), doctest::Contains("needs a number for the dim B"), Error);
  CompileOptions options;
  options.bind = {{"B", 2}};
  options.backend = "gpu";
  CHECK_THROWS_WITH_AS(compile(graph, options), doctest::Contains("no backend 'gpu'"), Error);
  options.backend = "cpu";
  options.bind = {{"B", 0}};
  CHECK_THROWS_WITH_AS(compile(graph, options), doctest::Contains("at least one"), Error);
}

TEST_CASE("a step allocates nothing, but for what oneDNN does inside its own calls") {
  const auto program = compile(small_step(), {});
  for (int i = 0; i < 3; ++i) program->run();
  const test::Allocations allocations = test::count_allocations([&] {
    for (int i = 0; i < 10; ++i) program->run();
  });
  if (!allocations.counted) MESSAGE("skipped: a sanitizer counts allocations itself");
  MESSAGE("in 10 steps: " << allocations.ours << " by Weft, " << allocations.inside_onednn << " inside oneDNN");
  CHECK(allocations.ours == 0);
}
