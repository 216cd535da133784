// The kernels as bodies of fused ops, lowered like any other.
#include "backends/cpu/similarity/kernels.h"

#include "ir/builder.h"
#include "ir/kernel/lower.h"
#include "passes/expr.h"

namespace weft::cpu {

using ir::Type;
using passes::exp;
using passes::Expr;
using passes::log;
using passes::max;
using passes::reduce_max;
using passes::reduce_sum;

namespace {

// A body under construction.
class Body {
 public:
  explicit Body(std::string name) : builder_(std::move(name)) {}

  Expr input(const std::string& name, std::int64_t rows, std::int64_t columns) {
    return {&builder_, builder_.input(name, ir::f32({rows, columns}))};
  }
  void output(const std::string& name, Expr value) { builder_.output(name, value.id); }

  kernel::Kernel lower() {
    const ir::Graph graph = builder_.take();
    return kernel::lower(graph, std::vector<kernel::Strides>(graph.inputs.size()),
                         std::vector<kernel::Strides>(graph.outputs.size()), graph.name);
  }

 private:
  ir::Builder builder_;
};

// A value per row, for the rows and for the columns of a tile.
struct Beside {
  Beside(Body& body, const std::string& name, std::int64_t block)
      : rows(body.input(name + "_rows", block, 1)), columns(body.input(name + "_columns", 1, block)) {}
  Expr rows, columns;
};

// The dot products of rows in a tile, and their scales.
struct Products {
  Products(Body& body, std::int64_t block) : tile(body.input("tile", block, block)), r(body, "r", block) {}
  Expr similarities() const { return tile * r.rows * r.columns; }
  Expr tile;
  Beside r;
};

kernel::Kernel lengths(const SimilarityShape& shape, const std::string& name) {
  Body body(name + "_lengths");
  const Expr x = body.input("x", shape.rows, shape.width), r = body.input("r", shape.rows, 1);
  body.output("length", reduce_sum(x * x, {1}) * (r * r));
  return body.lower();
}

kernel::Kernel lse_plain(const SimilarityShape& shape, const std::string& name) {
  Body body(name + "_plain");
  const Expr e = exp(Products(body, shape.block).similarities());
  const Expr row_sum = body.input("row_sum", shape.block, 1), column_sum = body.input("column_sum", 1, shape.block);
  body.output("rows", row_sum + reduce_sum(e, {1}));
  body.output("columns", column_sum + reduce_sum(e, {0}));
  return body.lower();
}

// Adds to the sums along one axis, scaled by the largest exponent so far.
kernel::Kernel lse_shifted(const SimilarityShape& shape, const std::string& name, std::int64_t axis) {
  Body body(name);
  const Expr s = Products(body, shape.block).similarities();
  const std::int64_t rows = axis == 1 ? shape.block : 1, columns = axis == 1 ? 1 : shape.block;
  const Expr old_max = body.input("max", rows, columns), old_sum = body.input("sum", rows, columns);
  const Expr now = max(old_max, reduce_max(s, {axis}));
  body.output("new_max", now);
  body.output("new_sum", old_sum * exp(old_max - now) + reduce_sum(exp(s - now), {axis}));
  return body.lower();
}

kernel::Kernel lse_finish(const SimilarityShape& shape, const std::string& name) {
  Body body(name + "_finish");
  const Expr largest = body.input("max", shape.rows, 1), sum = body.input("sum", shape.rows, 1);
  body.output("lse", largest + log(sum));
  return body.lower();
}

kernel::Kernel grad_plain(const SimilarityShape& shape, const std::string& name) {
  Body body(name + "_plain");
  const Products products(body, shape.block);
  const Beside u(body, "u", shape.block);
  const Expr rr = products.r.rows * products.r.columns;
  body.output("weights", exp(products.tile * rr) * rr * (u.rows + u.columns));
  return body.lower();
}

kernel::Kernel grad_shifted(const SimilarityShape& shape, const std::string& name) {
  Body body(name + "_shifted");
  const Products products(body, shape.block);
  const Beside lse(body, "lse", shape.block), w(body, "w", shape.block);
  const Expr rr = products.r.rows * products.r.columns, s = products.tile * rr;
  body.output("weights", rr * (w.rows * exp(s - lse.rows) + w.columns * exp(s - lse.columns)));
  return body.lower();
}

kernel::Kernel grad_weights(const SimilarityShape& shape, const std::string& name) {
  Body body(name + "_weights");
  const Expr w = body.input("w", shape.rows, 1), lse = body.input("lse", shape.rows, 1);
  body.output("u", w * exp(-lse));
  return body.lower();
}

}  // namespace

std::vector<kernel::Kernel> lse_kernels(const SimilarityShape& shape, const std::string& name) {
  return {lengths(shape, name), lse_plain(shape, name), lse_shifted(shape, name + "_rows", 1),
          lse_shifted(shape, name + "_columns", 0), lse_finish(shape, name)};
}

std::vector<kernel::Kernel> lse_grad_kernels(const SimilarityShape& shape, const std::string& name) {
  return {lengths(shape, name), grad_plain(shape, name), grad_shifted(shape, name), grad_weights(shape, name)};
}

}  // namespace weft::cpu
