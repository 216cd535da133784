// What `differentiate` promises beside the rules: sums over uses, pruning, places, errors, one graph for every batch.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "backends/reference/reference.h"
#include "ir/error.h"
#include "ir/verify.h"
#include "passes/expr.h"
#include "passes/passes.h"

using namespace weft;
using namespace weft::passes;
using ir::Attr;
using ir::Attrs;
using reference::Tensor;

namespace {

std::string error_of(const std::function<void(ir::Builder&)>& build) {
  ir::Builder builder("bad");
  builder.set_where({"aug", "model.cpp", 41});
  build(builder);
  Context context;
  try {
    differentiate(std::make_shared<const ir::Graph>(builder.take()), context);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("batch normalisation has the values and gradients of other software") {
  const ir::Type type = ir::f32({4, 2}), channels = ir::f32({2});
  ir::Builder builder("batch_norm");
  const Expr x{&builder, builder.input("x", type, ir::Role::param)};
  const Expr gamma{&builder, builder.input("gamma", channels, ir::Role::param)};
  const Expr beta{&builder, builder.input("beta", channels, ir::Role::param)};
  const Expr dy{&builder, builder.input("dy", type)};
  const Expr centred = x - reduce_sum(x, {0}) / 4;
  const Expr variance = reduce_sum(centred * centred, {0}) / 4;
  const Expr y = centred * rsqrt(variance + 1e-5) * gamma + beta;
  builder.output("loss", sum_all(y * dy).id);
  builder.output("y", y.id);
  Context context;
  const GraphPtr graph = differentiate(std::make_shared<const ir::Graph>(builder.take()), context);
  const std::vector<Tensor> outputs = reference::run<double>(
      *graph,
      {{type, {1, 2, 3, 6, 5, 4, 7, 0}}, {channels, {1, 1}}, {channels, {0, 0}}, {type, {1, 0, 0, 1, 2, -1, 0, 0}}});
  const auto check = [&](const char* output, const std::vector<double>& expected) {
    CAPTURE(output);
    const std::vector<double>& actual = outputs[graph->find_output(output)].data;
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK(actual[i] == doctest::Approx(expected[i]).epsilon(1e-9));
  };
  check("y", {-1.341639444861100, -.447213148287033});
  check("grad.x", {.044721448992, .044721225386, -.357770473908, .313049472128, .581377048052, -.491934373673,
                   -.268328023136, .134163676159});
  check("grad.gamma", {-.447213148287, .894426296574});
  check("grad.beta", {3, 0});
}

TEST_CASE("uses add up, unused params have zeros, data has no gradient") {
  ir::Builder builder("uses");
  const Expr x{&builder, builder.input("x", ir::f32({2, 3}))};
  const Expr w{&builder, builder.input("w", ir::f32({3, 4}), ir::Role::param)};
  builder.input("unused", ir::f32({2}), ir::Role::param);
  const Expr h = matmul(x, w);
  builder.output("loss", sum_all(h * h + h).id);
  Context context;
  const GraphPtr graph = differentiate(std::make_shared<const ir::Graph>(builder.take()), context);
  ir::verify(*graph);
  CHECK(graph->outputs.size() == 3);
  // One product forward and one for w; none for the gradient of x.
  CHECK(std::count_if(graph->ops.begin(), graph->ops.end(),
                      [](const ir::Op& op) { return op.code == ir::OpCode::matmul; }) == 2);
  const std::vector<Tensor> outputs = reference::run<double>(*graph, {{ir::f32({2, 3}), {1, 2, 3, 4, 5, 6}},
                                                                      reference::filled(ir::f32({3, 4}), 0.5),
                                                                      reference::filled(ir::f32({2}), 7)});
  // h = [3, 7.5] in each column; dw = x^T (2h + 1).
  const Tensor& gradient = outputs[graph->find_output("grad.w")];
  CHECK(gradient.data[0] == doctest::Approx(1 * 7 + 4 * 16));
  CHECK(gradient.data[11] == doctest::Approx(3 * 7 + 6 * 16));
  CHECK(outputs[graph->find_output("grad.unused")].data == std::vector<double>{0, 0});
}

TEST_CASE("a symbolic batch is differentiated once for every size") {
  ir::Builder builder("mean");
  const Expr x{&builder, builder.input("x", ir::f32({ir::Dim("B"), 3}))};
  const Expr w{&builder, builder.input("w", ir::f32({3}), ir::Role::param)};
  builder.output("loss", (sum_all(x * w) / dim_size(builder, ir::Dim("B"))).id);
  Context context;
  const GraphPtr graph = differentiate(std::make_shared<const ir::Graph>(builder.take()), context);
  ir::verify(*graph);
  for (const std::int64_t batch : {1, 4}) {
    const ir::Graph bound = ir::bind(*graph, {{"B", batch}});
    const std::vector<Tensor> outputs =
        reference::run<double>(bound, {reference::filled(ir::f32({batch, 3}), 2), reference::filled(ir::f32({3}), 1)});
    CHECK(outputs[bound.find_output("grad.w")].data == std::vector<double>{2, 2, 2});
  }
}

TEST_CASE("backward ops keep the user's place under grad/") {
  ir::Builder builder("places");
  const Expr w{&builder, builder.input("w", ir::f32({3}), ir::Role::param)};
  builder.set_where({"encoder/fc1", "model.cpp", 12});
  builder.output("loss", sum_all(exp(w)).id);
  Context context;
  const GraphPtr graph = differentiate(std::make_shared<const ir::Graph>(builder.take()), context);
  const ir::Op* gradient = graph->producer(graph->outputs[graph->find_output("grad.w")].value);
  REQUIRE(gradient != nullptr);
  CHECK(gradient->location == ir::Location{"grad/encoder/fc1", "model.cpp", 12});
}

TEST_CASE("what cannot be differentiated is an error with the user's place") {
  const auto theta = error_of([](ir::Builder& builder) {
    const Expr x{&builder, builder.input("x", ir::f32({1, 1, 3, 3}))};
    const Expr t{&builder, builder.input("theta", ir::f32({1, 2, 3}), ir::Role::param)};
    builder.output("loss", sum_all(apply(ir::OpCode::affine_sample, {x, t}, {}, x.type())).id);
  });
  CHECK(contains(theta, "model.cpp:41 (aug): [affine_sample]"));
  CHECK(contains(theta, "stop_gradient"));
  CHECK(contains(error_of([](ir::Builder& builder) { builder.input("w", ir::f32({1}), ir::Role::param); }),
                 "no output named loss"));
  CHECK(contains(error_of([](ir::Builder& builder) {
                   const Expr w{&builder, builder.input("w", ir::f32({3}), ir::Role::param)};
                   builder.output("loss", exp(w).id);
                 }),
                 "model.cpp:41 (aug): the loss must be a single float, got f32[3]"));
  CHECK(contains(error_of([](ir::Builder& builder) {
                   const Expr w{&builder, builder.input("w", ir::i32({3}), ir::Role::param)};
                   builder.output("loss", sum_all(cast(w, ir::DType::f32)).id);
                 }),
                 "only floats can be trained"));
  CHECK(contains(error_of([](ir::Builder& builder) {
                   const Expr w{&builder, builder.input("w", ir::f32({1, 1, 2, 2}), ir::Role::param)};
                   const Attrs attrs = Attrs().set(Attr::kernel, std::vector<std::int64_t>{2, 2});
                   const Expr dy = apply(ir::OpCode::max_pool2d, {w}, attrs);
                   builder.output("loss", sum_all(apply(ir::OpCode::max_pool2d_grad, {w, dy}, attrs)).id);
                 }),
                 "Weft cannot differentiate max_pool2d twice"));
  CHECK(contains(error_of([](ir::Builder& builder) {
                   ir::Builder body("body");
                   const Expr x{&body, body.input("x", ir::f32({}))};
                   body.output("y", exp(x).id);
                   const ir::ValueId w = builder.input("w", ir::f32({}), ir::Role::param);
                   builder.output("loss", builder.fused({w}, std::make_shared<const ir::Graph>(body.take())).front());
                 }),
                 "before `fuse`"));
}
