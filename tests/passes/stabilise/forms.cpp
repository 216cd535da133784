// The forms, with the numbers that are right for them.
#include "tests/passes/stabilise/forms.h"

#include <cmath>
#include <limits>

namespace weft::test {

using namespace weft::passes;
using ir::Attr;
using ir::Attrs;
using ir::OpCode;

namespace {

Expr softmax(Expr x) { return exp(x) / reduce_sum(exp(x), axes(1)); }

// Numbers as a constant of a 1-d or 2-d type.
Expr numbers(Expr like, Values values, ir::Dims dims) {
  ir::Builder& builder = *like.builder;
  return {&builder,
          builder.create(OpCode::constant, {}, Attrs().set(Attr::values, std::move(values)), ir::f32(std::move(dims)))};
}

}  // namespace

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

}  // namespace weft::test
