// What overflows as written has the right value and the right gradient in floats once stabilised, and is left alone in
// meaning where it did not overflow.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "backends/reference/reference.h"
#include "ir/verify.h"
#include "passes/expr.h"
#include "passes/passes.h"
#include "tests/passes/stabilise/forms.h"

using namespace weft;
using namespace weft::passes;
using namespace weft::test;
using ir::Attr;
using ir::Attrs;
using ir::OpCode;
using reference::Tensor;

namespace {

// y = f(x) and loss = sum(y), x a param.
GraphPtr graph_of(const Function& f, const ir::Type& type) {
  ir::Builder builder("naive");
  builder.set_where({"loss", "model.cpp", 7});
  const Expr y = f({&builder, builder.input("x", type, ir::Role::param)});
  builder.output("y", y.id);
  builder.output("loss", sum_all(y).id);
  return std::make_shared<const ir::Graph>(builder.take());
}

struct Evaluated {
  Values y, gradient;
};

template <typename Real>
Evaluated evaluate(const GraphPtr& graph, const Values& x) {
  Context context;
  const GraphPtr differentiated = differentiate(graph, context);
  ir::verify(*differentiated);
  const std::vector<Tensor> outputs =
      reference::run<Real>(*differentiated, {{differentiated->type(differentiated->inputs[0].value), x}});
  return {outputs[0].data, outputs[2].data};
}

GraphPtr stabilised(const GraphPtr& graph, Context& context) {
  const GraphPtr result = stabilise(graph, context);
  ir::verify(*result);
  return result;
}

bool close(const Values& a, const Values& b, double tolerance) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [=](double x, double y) { return std::abs(x - y) <= tolerance * (1 + std::abs(y)); });
}

bool finite(const Values& values) {
  return std::all_of(values.begin(), values.end(), [](double each) { return std::isfinite(each); });
}

double sum_of(const Values& values) {
  double sum = 0;
  for (const double each : values) sum += each;
  return sum;
}

}  // namespace

TEST_CASE("naive forms get the right values and gradients") {
  for (const Row& row : rows()) {
    CAPTURE(row.name);
    const GraphPtr naive = graph_of(row.naive, type_of(row));
    Context context;
    const GraphPtr stable = stabilised(naive, context);
    CHECK(!context.notes.empty());
    const Evaluated result = evaluate<float>(stable, row.x);
    CHECK(close(result.y, row.y, 1e-6));
    CHECK(close(result.gradient, row.gradient, 1e-6));
    const Evaluated before = evaluate<float>(naive, row.x);
    const bool naive_is_wrong = !close(before.y, row.y, 1e-7) || !close(before.gradient, row.gradient, 1e-7);
    CHECK(naive_is_wrong);
  }
}

TEST_CASE("moderate numbers mean the same before and after") {
  int compared = 0;
  for (const Row& row : rows()) {
    CAPTURE(row.name);
    Values x(row.x.size());
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.2 + 0.13 * double(i);
    const GraphPtr naive = graph_of(row.naive, type_of(row));
    Context context;
    const GraphPtr stable = stabilised(naive, context);
    const Evaluated before = evaluate<double>(naive, x), after = evaluate<double>(stable, x);
    if (!finite(before.y)) continue;  // log of a label that is 0 for any x
    ++compared;
    CHECK(close(after.y, before.y, 1e-9));
    CHECK(close(after.gradient, before.gradient, 1e-9));
  }
  CHECK(compared == int(rows().size()) - 1);
}

TEST_CASE("infinities, zeros and NaN mean the same before and after") {
  constexpr double kInfinity = std::numeric_limits<double>::infinity(), kNaN = std::numeric_limits<double>::quiet_NaN();
  // A weight of 0 makes nothing of its term, NaN or not.
  const std::vector<std::string> drop_terms = {"log(masked sum of exp(x))", "KL from a softmax"};
  int compared = 0;
  for (const Row& row : rows()) {
    CAPTURE(row.name);
    const GraphPtr naive = graph_of(row.naive, type_of(row));
    Context context;
    const GraphPtr stable = stabilised(naive, context);
    const bool drops = std::find(drop_terms.begin(), drop_terms.end(), row.name) != drop_terms.end();
    const auto compare = [&](const Values& x) {
      CAPTURE(x);
      const Values before = evaluate<double>(naive, x).y, after = evaluate<double>(stable, x).y;
      const bool has_nan = std::any_of(x.begin(), x.end(), [](double each) { return std::isnan(each); });
      for (std::size_t i = 0; i < before.size(); ++i) {
        if (std::isnan(before[i])) {
          if (has_nan && !drops) CHECK(std::isnan(after[i]));
          continue;  // else the limit may stand here
        }
        ++compared;
        const bool same = before[i] == after[i] || std::abs(before[i] - after[i]) <= 1e-6 * (1 + std::abs(before[i]));
        CAPTURE(i);
        CAPTURE(before[i]);
        CAPTURE(after[i]);
        CHECK(same);
      }
    };
    for (const double special : {kInfinity, -kInfinity, kNaN, 0.0, -0.0, 1.0}) {
      compare(Values(row.x.size(), special));
      for (std::size_t i = 0; i < row.x.size(); ++i) {
        Values x(row.x.size(), 0.25);
        x[i] = special;
        compare(x);
      }
    }
  }
  MESSAGE(compared << " numbers compared");
  CHECK(compared > 300);
}

TEST_CASE("a second run finds nothing more") {
  for (const Row& row : rows()) {
    CAPTURE(row.name);
    Context first, second;
    const GraphPtr stable = stabilise(graph_of(row.naive, type_of(row)), first);
    CHECK(stabilise(stable, second) == stable);
    CHECK(second.notes.empty());
  }
}

TEST_CASE("stable graphs are returned as they are") {
  const Function stable[] = {
      [](Expr x) { return softplus(x) - sigmoid(x) * exp(x); },
      [](Expr x) {
        const Expr shifted = x - stop_gradient(reduce_max(x, axes(0)));
        return exp(shifted) / reduce_sum(exp(shifted), axes(0));
      },
      [](Expr x) { return log(reduce_sum(x * x, axes(0)) + 2.0); },
      [](Expr x) { return x * log(x + 2.0); },
      [](Expr x) { return exp(x) / reduce_sum(x, axes(0)); },
  };
  for (const Function& f : stable) {
    const GraphPtr graph = graph_of(f, ir::f32({3}));
    Context context;
    CHECK(stabilise(graph, context) == graph);
    CHECK(context.notes.empty());
  }
}

TEST_CASE("a note says what and where") {
  Context context;
  stabilise(graph_of([](Expr x) { return log(sigmoid(x)); }, ir::f32({2})), context);
  REQUIRE(context.notes.size() == 1);
  CHECK(context.notes[0].pass == "stabilise");
  CHECK(to_string(context.notes[0].location) == "model.cpp:7 (loss)");
  CHECK(context.notes[0].text == "log(sigmoid(x)) -> -softplus(-x)");
}

TEST_CASE("weights that are trained keep their gradient at 0") {
  // d/dw log(sum(w * exp(w))) = (1 + w) exp(w) / sum(w exp(w)).
  Context context;
  const GraphPtr stable =
      stabilised(graph_of([](Expr w) { return log(reduce_sum(w * exp(w), axes(0))); }, ir::f32({2})), context);
  CHECK(context.notes.size() == 1);
  CHECK(close(evaluate<double>(stable, {0, 1}).gradient, {std::exp(-1), 2}, 1e-9));
}

TEST_CASE("NT-Xent as in the textbook has the values of other software") {
  struct Expected {
    double temperature, loss;
  };
  const ir::Type four = ir::f32({4, 2});
  const Values pairs{1, 0, 0, 1, .8, .6, -.6, .8};
  for (const auto& [temperature, loss] :
       {Expected{1, .673576788887094}, Expected{.5, .430190277136712}, Expected{.1, .063779839761911}}) {
    Context context;
    const GraphPtr stable = stabilised(graph_of(nt_xent(temperature), four), context);
    CHECK(sum_of(evaluate<double>(stable, pairs).y) == doctest::Approx(loss).epsilon(1e-12));
  }
  Context context;
  const GraphPtr half = stabilised(graph_of(nt_xent(.5), four), context);
  CHECK(close(evaluate<double>(half, pairs).gradient,
              {0, -.029785385341, .622470712587, 0, -.373482427552, .497976570070, -.023828308273, -.017871231205},
              1e-11));
  const Values six{1, 2, 2, 2, -1, 0, .5, .5, 1, 1, 2, 1, 1, -1, .5, 0, 1, 1};
  const GraphPtr wide = stabilised(graph_of(nt_xent(.5), ir::f32({6, 3})), context);
  const Evaluated result = evaluate<double>(wide, six);
  CHECK(sum_of(result.y) == doctest::Approx(.966735901098002).epsilon(1e-12));
  CHECK(close({result.gradient[0], result.gradient[1], result.gradient[2]},
              {-.00460116605, -.05533264729, .05763323031}, 1e-10));
}

TEST_CASE("NT-Xent stays finite in floats at temperature 0.01") {
  const GraphPtr naive = graph_of(nt_xent(.01), ir::f32({4, 2}));
  const Values pairs{1, 0, -1, 0, .8, .6, -.8, .6};
  CHECK(!finite(evaluate<float>(naive, pairs).y));
  Context context;
  const GraphPtr stable = stabilised(naive, context);
  const Evaluated exact = evaluate<double>(stable, pairs), rounded = evaluate<float>(stable, pairs);
  CHECK(finite(rounded.gradient));
  CHECK(close(rounded.y, exact.y, 1e-4));
  CHECK(close(rounded.gradient, exact.gradient, 1e-3));
  // All embeddings equal: log(2N - 1).
  CHECK(sum_of(evaluate<float>(stable, {1, 1, 1, 1, 1, 1, 1, 1}).y) == doctest::Approx(std::log(3)).epsilon(1e-5));
}
