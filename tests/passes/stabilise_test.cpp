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

using namespace weft;
using namespace weft::passes;
using ir::Attr;
using ir::Attrs;
using ir::OpCode;
using reference::Tensor;

namespace {

using Values = std::vector<double>;
using Function = std::function<Expr(Expr)>;

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

std::vector<std::int64_t> axes(std::int64_t axis) { return {axis}; }
Expr softmax(Expr x) { return exp(x) / reduce_sum(exp(x), axes(1)); }

// Numbers as a constant of a 1-d or 2-d type.
Expr numbers(Expr like, Values values, ir::Dims dims) {
  ir::Builder& builder = *like.builder;
  return {&builder,
          builder.create(OpCode::constant, {}, Attrs().set(Attr::values, std::move(values)), ir::f32(std::move(dims)))};
}

// A naive form, where it goes wrong in floats and what is right there.
struct Row {
  std::string name;
  Function naive;
  Values x;
  Values y, gradient;
  ir::Dims dims = {ir::Dim(std::int64_t(1))};  // of x; its length where it is a vector
};

std::vector<Row> rows() {
  return {
      {"log(sigmoid(x))", [](Expr x) { return log(sigmoid(x)); }, {-200, 200}, {-200, 0}, {1, 0}},
      {"log(sigmoid(-x))", [](Expr x) { return log(sigmoid(-x)); }, {200}, {-200}, {-1}},
      {"log(1 - sigmoid(x))", [](Expr x) { return log(1 - sigmoid(x)); }, {200, -200}, {-200, 0}, {-1, 0}},
      {"log(1 - moved sigmoid(x))",
       [](Expr x) {
         return log(1 - reshape(sigmoid(x), {2, 1}));
       },
       {200, -200},
       {-200, 0},
       {-1, 0}},
      {"log(1 + exp(x))", [](Expr x) { return log(1 + exp(x)); }, {200, -200}, {200, 0}, {1, 0}},
      {"log(exp(x) + 1)", [](Expr x) { return log(exp(x) + 1); }, {200}, {200}, {1}},
      {"-log(1 + exp(-x))", [](Expr x) { return -log(1 + exp(-x)); }, {-200}, {-200}, {1}},
      {"log1p(exp(x))", [](Expr x) { return log1p(exp(x)); }, {200}, {200}, {1}},
      {"log(exp(x))", [](Expr x) { return log(exp(x)); }, {200, -200}, {200, -200}, {1, 1}},
      {"log(1 + x)", [](Expr x) { return log(1 + x) * 1e9; }, {1e-9}, {1}, {1e9}},
      {"log(1 - x)", [](Expr x) { return log(1 - x) * 1e9; }, {1e-9}, {-1}, {-1e9}},
      {"exp(x) - 1", [](Expr x) { return (exp(x) - 1) * 1e9; }, {1e-9}, {1}, {1e9}},
      {"exp(x) + -1", [](Expr x) { return (exp(x) + -1.0) * 1e9; }, {1e-9}, {1}, {1e9}},
      {"1 - exp(x)", [](Expr x) { return (1 - exp(x)) * 1e9; }, {1e-9}, {-1}, {-1e9}},
      {"1 / (1 + exp(-x))", [](Expr x) { return 1 / (1 + exp(-x)); }, {-100, 100}, {0, 1}, {0, 0}},
      {"exp(x) / (1 + exp(x))", [](Expr x) { return exp(x) / (1 + exp(x)); }, {100, -100}, {1, 0}, {0, 0}},
      {"log(1 / (1 + exp(-x)))", [](Expr x) { return log(1 / (1 + exp(-x))); }, {-200}, {-200}, {1}},
      {"softmax",
       [](Expr x) {
         return softmax(x) * numbers(x, {1, 2}, {2});
       },
       {200, 200},
       {0.5, 1},
       {-0.25, 0.25},
       {1, 2}},
      {"log(softmax)", [](Expr x) { return log(softmax(x)); }, {0, 300}, {-300, 0}, {1, -1}, {1, 2}},
      {"-log of the label's softmax",
       [](Expr x) {
         return -log(reduce_sum(softmax(x) * numbers(x, {0, 1, 0}, {3}), axes(1)));
       },
       {200, 0, 200},
       {200 + std::log(2)},
       {0.5, -1, 0.5},
       {1, 3}},
      {"log(sum(exp(x)))",
       [](Expr x) { return log(reduce_sum(exp(x), axes(1))); },
       {200, 200},
       {200 + std::log(2)},
       {0.5, 0.5},
       {1, 2}},
      {"log(sum(exp(x))) without the axis",
       [](Expr x) { return log(reshape(reduce_sum(exp(x), axes(1)), {2})); },
       {200, 200, -300, -300},
       {200 + std::log(2), -300 + std::log(2)},
       {0.5, 0.5, 0.5, 0.5},
       {2, 2}},
      {"log(mean(exp(x)))",
       [](Expr x) { return log(reduce_sum(exp(x), axes(1)) * 0.5); },
       {-200, -200},
       {-200},
       {0.5, 0.5},
       {1, 2}},
      {"log(masked sum of exp(x))",
       [](Expr x) {
         return log(reduce_sum(exp(x) * numbers(x, {0, 1, 1}, {3}), axes(1)));
       },
       {300, 50, 50},
       {50 + std::log(2)},
       {0, 0.5, 0.5},
       {1, 3}},
      {"log(selected sum of exp(x))",
       [](Expr x) {
         return log(reduce_sum(select(gt(numbers(x, {0, 1, 1}, {3}), 0), exp(x), scalar_like(x, 0)), axes(1)));
       },
       {300, -250, -250},
       {-250 + std::log(2)},
       {0, 0.5, 0.5},
       {1, 3}},
      {"log(sum of exp(x), selected by a param)",
       [](Expr x) { return log(reduce_sum(select(gt(x, 0), exp(x * -200.0), scalar_like(x, 0)), axes(0))); },
       {-1, 0.5},
       {-100},
       {0, -200}},
      {"log(moved 1 + exp(x)), of fewer dims than the 1",
       [](Expr x) {
         return log(reshape(numbers(x, {1, 1}, {2}) + exp(x), {2, 1}));
       },
       {200},
       {200, 200},
       {2}},
      {"log(exp(a) / sum(exp(x)))",
       [](Expr x) {
         return log(exp(slice(x, {0, 0}, {1, 1})) / reduce_sum(exp(x), axes(1)));
       },
       {-100, 200},
       {-300},
       {1, -1},
       {1, 2}},
      {"x * log(x)", [](Expr x) { return x * log(x); }, {0, 1}, {0, 0}, {0, 1}},
      {"log(x) * x", [](Expr x) { return log(x) * x; }, {0, 1}, {0, 0}, {0, 1}},
      {"Bernoulli entropy",
       [](Expr p) { return -(p * log(p) + (1 - p) * log(1 - p)); },
       {0, 1, 0.5},
       {0, 0, std::log(2)},
       {1, -1, 0}},
      {"KL as t * log(t / q)",
       [](Expr t) {
         return t * log(t / numbers(t, {0.5, 0.25}, {2}));
       },
       {0, 0.25},
       {0, 0},
       {0, 1}},
      {"KL as t * (log(t) - log(q))",
       [](Expr t) {
         return t * (log(t) - log(numbers(t, {1, 0.25}, {2})));
       },
       {0, 0.25},
       {0, 0},
       {0, 1}},
      {"KL from a softmax",
       [](Expr x) {
         const Expr t = numbers(x, {0, 1}, {2});
         return t * log(t / softmax(x));
       },
       {200, 0},
       {0, 200},
       {1, -1},
       {1, 2}},
      {"BCE of sigmoid(l)",
       [](Expr l) {
         const Expr t = numbers(l, {0.5, 1, 0, 0, 1}, {5});
         return -(t * log(sigmoid(l)) + (1 - t) * log(1 - sigmoid(l)));
       },
       {0, 2, -3, 100, -100},
       {.693147180559945, .126928011042973, .048587351573742, 100, 100},
       {0, 1 / (1 + std::exp(-2.0)) - 1, 1 / (1 + std::exp(3.0)), 1, -1}},
  };
}

ir::Type type_of(const Row& row) {
  return ir::f32(row.dims.size() > 1 ? row.dims : ir::Dims{std::int64_t(row.x.size())});
}

// The textbook NT-Xent over the 2N rows [v1; v2], each L2-normalised, at temperature T: the ratio of exponentials with
// itself masked out.
Function nt_xent(double temperature) {
  return [=](Expr v) {
    ir::Builder& builder = *v.builder;
    const std::int64_t rows = number(v.dims()[0]), half = rows / 2;
    const ir::Type matrix = ir::i32({rows, rows});
    const Expr row = iota(builder, matrix, 0), column = iota(builder, matrix, 1);
    const Expr other = cast(ne(row, column), ir::DType::f32);
    const Expr distance = cast(row - column, ir::DType::f32);
    const Expr positive = cast(eq(abs(distance), double(half)), ir::DType::f32);
    const Expr z = v / max(sqrt(reduce_sum(v * v, axes(1))), 1e-8);
    const Expr similarity = matmul(z, z, false, true) / temperature;
    const Expr numerator = exp(reduce_sum(similarity * positive, axes(1)));
    const Expr denominator = reduce_sum(exp(similarity) * other, axes(1));
    return -log(numerator / denominator) / double(rows);
  };
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

TEST_CASE("NT-Xent as in the textbook has the values of REFERENCE.md") {
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
