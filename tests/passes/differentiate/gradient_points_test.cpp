// Gradients where finite differences say nothing: at kinks and ties, of ops that pass none on, and of a known formula.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "backends/reference/reference.h"
#include "passes/expr.h"
#include "passes/passes.h"

using namespace weft;
using namespace weft::passes;
using ir::OpCode;
using reference::Tensor;

namespace {

std::vector<double> gradient_of(const GraphPtr& graph, const std::vector<Tensor>& inputs, const std::string& param) {
  Context context;
  const GraphPtr differentiated = differentiate(graph, context);
  return reference::run<double>(*differentiated, inputs)[differentiated->find_output("grad." + param)].data;
}

// The gradient of loss = sum(f(x)) at `x`.
std::vector<double> gradient_at(std::vector<double> x, const std::function<Expr(Expr)>& f) {
  ir::Builder builder("at");
  const ir::Type type = ir::f32({std::int64_t(x.size())});
  const Expr y = f({&builder, builder.input("x", type, ir::Role::param)});
  builder.output("loss", sum_all(y).id);
  return gradient_of(std::make_shared<const ir::Graph>(builder.take()), {{type, std::move(x)}}, "x");
}

}  // namespace

TEST_CASE("ops without a gradient pass none on") {
  const auto flat = [](OpCode code) {
    return gradient_at({-1.5, 0.5, 2.25}, [=](Expr x) { return apply(code, {x}); });
  };
  for (const OpCode code : {OpCode::sign, OpCode::floor, OpCode::stop_gradient})
    CHECK(flat(code) == std::vector<double>{0, 0, 0});
  for (const OpCode code : {OpCode::eq, OpCode::ne, OpCode::lt, OpCode::le, OpCode::gt, OpCode::ge})
    CHECK(gradient_at({-1, 2}, [=](Expr x) {
            return select(apply(code, {x, sin(x)}), x * 3, x * 5);
          })[1] == doctest::Approx(code == OpCode::ne || code == OpCode::gt || code == OpCode::ge ? 3 : 5));
}

TEST_CASE("gradients at the points where they need care") {
  using Values = std::vector<double>;
  CHECK(gradient_at({0, -1, 2}, [](Expr x) { return relu(x); }) == Values{0, 0, 1});
  CHECK(gradient_at({0, 4}, [](Expr x) { return sqrt(x); }) == Values{0, 0.25});
  CHECK(gradient_at({0, 4}, [](Expr x) { return pow(x, 0.5); })[0] == 0);
  CHECK(gradient_at({0, 3}, [](Expr x) { return pow(x, 2.0); }) == Values{0, 6});
  CHECK(gradient_at({0, 3}, [](Expr x) { return pow(x, 1.0); }) == Values{1, 1});
  CHECK(gradient_at({0, 3}, [](Expr x) { return pow(x, 0.0); }) == Values{0, 0});
  CHECK(gradient_at({0, -2}, [](Expr x) { return abs(x); }) == Values{0, -1});
  // Of equal operands the second has the gradient.
  CHECK(gradient_at({1, 2}, [](Expr x) { return max(x, x * 1.0 + 0.0); }) == Values{1, 1});
  CHECK(gradient_at({1, 2}, [](Expr x) { return max(x, 2.0); }) == Values{0, 0});
  CHECK(gradient_at({1, 2}, [](Expr x) { return min(x, 2.0); }) == Values{1, 0});
  // Equal maxima share it.
  CHECK(gradient_at({1, 3, 3}, [](Expr x) { return reduce_max(x, {0}); }) == Values{0, 0.5, 0.5});
  // L2 normalisation of a zero vector, as written with a floor under the norm.
  CHECK(gradient_at({0, 0}, [](Expr x) { return x / max(sqrt(reduce_sum(x * x, {0})), 1e-3); })[0] ==
        doctest::Approx(1000));
}

TEST_CASE("the KL term has the gradients of its formula") {
  const auto kl = [](Expr mu, Expr logvar) { return (mu * mu + exp(logvar) - 1 - logvar) * 0.5; };
  const std::vector<double> mu{.5, -1}, logvar{0, std::log(.25)};
  CHECK(gradient_at(mu, [&](Expr x) { return kl(x, x * 0); }) == mu);
  const std::vector<double> by_logvar = gradient_at(logvar, [&](Expr x) { return kl(x * 0, x); });
  CHECK(by_logvar[0] == 0);
  CHECK(by_logvar[1] == doctest::Approx(-.375));
}
