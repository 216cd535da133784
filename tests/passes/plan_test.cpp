// Fusion, copies and the memory plan: by equality before and after on random graphs, and by what the plan promises.
#include "passes/plan/plan.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "backends/reference/reference.h"
#include "ir/text/parse.h"
#include "ir/verify.h"
#include "passes/expr.h"
#include "passes/passes.h"
#include "tests/support/random_graph.h"

using namespace weft;
using passes::Expr;
using passes::GraphPtr;
using passes::Place;

namespace {

GraphPtr fused(const GraphPtr& graph, passes::Context& context) {
  return passes::copies(passes::fuse(graph, context), context);
}

int count(const ir::Graph& graph, ir::OpCode code) {
  int found = 0;
  for (const ir::Op& op : graph.ops) found += op.code == code;
  return found;
}

// Buffers whose lives meet do not meet in memory.
void check_no_overlap(const passes::Plan& plan) {
  for (std::size_t i = 0; i < plan.buffers.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const passes::Buffer &a = plan.buffers[i], &b = plan.buffers[j];
      if (a.bytes == 0 || b.bytes == 0 || a.last < b.first || b.last < a.first) continue;
      CHECK((a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset));
    }
}

}  // namespace

TEST_CASE("fuse and copies keep what a graph computes, on 200 random graphs") {
  for (unsigned seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    const GraphPtr graph = test::random_graph(seed);
    passes::Context context;
    const GraphPtr after = fused(graph, context);
    ir::verify(*after);
    const auto inputs = test::random_inputs(*graph, seed);
    CHECK(test::largest_difference(reference::run<double>(*after, inputs), reference::run<double>(*graph, inputs)) <
          1e-9);
    const passes::Plan plan = passes::make_plan(*after);
    check_no_overlap(plan);
    CHECK(plan.lower_bound_bytes <= plan.arena_bytes);
    CHECK(plan.arena_bytes <= plan.naive_bytes);
  }
}

TEST_CASE("the elementwise part of a VAE's latent is one kernel, and epsilon is recomputed, never stored") {
  ir::Builder builder("latent");
  const Expr heads{&builder, builder.input("heads", ir::f32({128, 40}))},
      rng{&builder, builder.input("rng", ir::i32({4}), ir::Role::rng)};
  const Expr weight{&builder, builder.input("weight", ir::f32({20, 20}))};
  const Expr mu = passes::slice(heads, {0, 0}, {128, 20}), logvar = passes::slice(heads, {0, 20}, {128, 20});
  const Expr epsilon = passes::apply(ir::OpCode::random_normal, {rng},
                                     ir::Attrs().set(ir::Attr::stream, std::int64_t(1)), ir::f32({128, 20}));
  const Expr deviation = passes::exp(logvar * 0.5);
  const Expr z = mu + deviation * epsilon;
  const Expr kl = passes::sum_all(mu * mu + passes::exp(logvar) - 1.0 - logvar) * 0.5;
  const Expr dz = passes::matmul(passes::matmul(z, weight), weight, false, true);
  builder.output("kl", kl.id);
  builder.output("d", passes::concat({dz + mu, dz * deviation * epsilon * 0.5}, 1).id);
  passes::Context context;
  const GraphPtr after = fused(std::make_shared<const ir::Graph>(builder.take()), context);
  CHECK(count(*after, ir::OpCode::fused) == 2);  // before and after the two products
  CHECK(count(*after, ir::OpCode::random_normal) == 0);
  for (const ir::Op& op : after->ops)
    if (op.code == ir::OpCode::fused) CHECK(count(*op.body, ir::OpCode::random_normal) == 1);
  // z and kl; the two halves of d are made where the concat wants them.
  const passes::Plan plan = passes::make_plan(*after);
  CHECK(plan.places[after->outputs[1].value].base == Place::Base::output);
}

TEST_CASE("a chain in place needs the memory of one value, and the plan says so") {
  ir::Builder builder("chain");
  const Expr x{&builder, builder.input("x", ir::f32({64, 64}))}, w{&builder, builder.input("w", ir::f32({64, 64}))};
  const Expr y = passes::tanh(passes::matmul(x, w));
  builder.output("y", passes::matmul(y, w).id);
  passes::Context context;
  const passes::Plan plan = passes::make_plan(*fused(std::make_shared<const ir::Graph>(builder.take()), context));
  CHECK(plan.arena_bytes == 64 * 64 * 4);
  CHECK(plan.naive_bytes == 2 * 64 * 64 * 4);
  CHECK(plan.lower_bound_bytes == plan.arena_bytes);
}

TEST_CASE("donated state is written after its last reader, or copied where the writer can not wait") {
  ir::Builder builder("donate");
  const Expr p{&builder, builder.input("p", ir::f32({32}), ir::Role::param)},
      x{&builder, builder.input("x", ir::f32({32}))};
  const Expr next = p - x * 0.1;
  builder.output("p", next.id, 0);
  builder.output("sum", passes::reduce_sum(p * x, {0}).id);
  builder.output("both", (next * p).id);  // needs the old and the new value
  passes::Context context;
  const GraphPtr graph = std::make_shared<const ir::Graph>(builder.take());
  const GraphPtr after = fused(graph, context);
  const auto inputs = test::random_inputs(*graph, 7);
  CHECK(test::largest_difference(reference::run<double>(*after, inputs), reference::run<double>(*graph, inputs)) == 0);
  passes::make_plan(*after);
}

TEST_CASE("a result lies where an operand does, unless the operand is needed at other or at more places") {
  struct Case {
    const char* what;
    bool in_place;
    std::string second;  // the type of %s, where the body yields one
    std::string body;    // of a kernel over %x
  };
  const std::vector<Case> cases = {
      {"the sum's reader spreads it", true, "", R"(
    %0 = reduce_max %x {axes=[1]} : f32[8,1]
    %y = sub %x, %0 : f32[8,5]
    yield %y)"},
      {"what is made of the sum is spread", true, "", R"(
    %0 = reduce_max %x {axes=[1]} : f32[8,1]
    %1 = exp %0 : f32[8,1]
    %y = mul %x, %1 : f32[8,5]
    yield %y)"},
      {"a sum of what is stored", true, "f32[1,5]", R"(
    %y = exp %x : f32[8,5]
    %s = reduce_sum %y {axes=[0]} : f32[1,5]
    yield %y, %s)"},
      {"read along a dim that it lacks", false, "f32[3,8,5]", R"(
    %y = exp %x : f32[8,5]
    %s = mul %y, %w : f32[3,8,5]
    yield %y, %s)"},
      {"its sum is, too", false, "f32[3,8,5]", R"(
    %0 = reduce_max %x {axes=[1]} : f32[8,1]
    %y = sub %x, %0 : f32[8,5]
    %s = mul %0, %w : f32[3,8,5]
    yield %y, %s)"},
      {"at rows that are looked up", false, "", R"(
    %y = gather %x, %i : f32[8,5]
    yield %y)"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.what);
    const bool two = !each.second.empty();
    const std::string results = two ? "%y, %s" : "%y", types = two ? "f32[8,5], " + each.second : "f32[8,5]";
    const std::string text = fmt::format(
        "graph @g(%a: f32[8,5], %w: f32[3,8,5], %i: i32[8]) -> (y: f32[8,5]{}) {{\n  %x = exp %a : f32[8,5]\n"
        "  {} = fused(%x, %w, %i) {{{}\n  }} : {}\n  return {}\n}}",
        two ? ", s: " + each.second : "", results, each.body, types, results);
    const ir::Graph graph = ir::parse_graph(text, "test");
    CHECK(passes::reads_in_place(graph.ops.back(), 0) == each.in_place);
  }
}
