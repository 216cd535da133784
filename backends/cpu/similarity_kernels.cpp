// The kernels as bodies of fused ops, lowered like any other.
#include "backends/cpu/similarity_kernels.h"

#include "backends/kernel/lower.h"
#include "ir/builder.h"
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

// The similarities of a tile: the products of rows, scaled.
Expr similarities(Body& body, std::int64_t block) {
  const Expr tile = body.input("tile", block, block);
  const Expr r_rows = body.input("r_rows", block, 1), r_columns = body.input("r_columns", 1, block);
  return tile * r_rows * r_columns;
}

kernel::Kernel lengths(const SimilarityShape& shape, const std::string& name) {
  Body body(name + "_lengths");
  const Expr x = body.input("x", shape.rows, shape.width), r = body.input("r", shape.rows, 1);
  body.output("length", reduce_sum(x * x, {1}) * (r * r));
  return body.lower();
}

kernel::Kernel lse_plain(const SimilarityShape& shape, const std::string& name) {
  Body body(name + "_plain");
  const Expr e = exp(similarities(body, shape.block));
  const Expr row_sum = body.input("row_sum", shape.block, 1), column_sum = body.input("column_sum", 1, shape.block);
  body.output("rows", row_sum + reduce_sum(e, {1}));
  body.output("columns", column_sum + reduce_sum(e, {0}));
  return body.lower();
}

// The sums along one axis, with the largest exponent so far taken out.
kernel::Kernel lse_shifted(const SimilarityShape& shape, const std::string& name, std::int64_t axis) {
  Body body(name);
  const Expr s = similarities(body, shape.block);
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
  const Expr tile = body.input("tile", shape.block, shape.block);
  const Expr r_rows = body.input("r_rows", shape.block, 1), r_columns = body.input("r_columns", 1, shape.block);
  const Expr u_rows = body.input("u_rows", shape.block, 1), u_columns = body.input("u_columns", 1, shape.block);
  const Expr rr = r_rows * r_columns;
  body.output("weights", exp(tile * rr) * rr * (u_rows + u_columns));
  return body.lower();
}

kernel::Kernel grad_shifted(const SimilarityShape& shape, const std::string& name) {
  Body body(name + "_shifted");
  const Expr tile = body.input("tile", shape.block, shape.block);
  const Expr r_rows = body.input("r_rows", shape.block, 1), r_columns = body.input("r_columns", 1, shape.block);
  const Expr lse_rows = body.input("lse_rows", shape.block, 1), lse_columns = body.input("lse_columns", 1, shape.block);
  const Expr w_rows = body.input("w_rows", shape.block, 1), w_columns = body.input("w_columns", 1, shape.block);
  const Expr rr = r_rows * r_columns, s = tile * rr;
  body.output("weights", rr * (w_rows * exp(s - lse_rows) + w_columns * exp(s - lse_columns)));
  return body.lower();
}

kernel::Kernel grad_weights(const SimilarityShape& shape, const std::string& name) {
  Body body(name + "_weights");
  const Expr w = body.input("w", shape.rows, 1), lse = body.input("lse", shape.rows, 1);
  body.output("u", w * exp(-lse));
  return body.lower();
}

// Blocks of 128 rows keep a tile and both blocks in a core's own cache at nearly the library's best rate; fewer rows in
// all make smaller ones, for tiles to share out.
std::int64_t block_of(std::int64_t n) { return n >= 512 ? 128 : n >= 128 ? 64 : n; }

}  // namespace

SimilarityShape::SimilarityShape(std::int64_t n, std::int64_t d)
    : rows(n), width(d), block(block_of(n)), blocks((n + block - 1) / block) {}

std::vector<kernel::Kernel> lse_kernels(const SimilarityShape& shape, const std::string& name) {
  return {lengths(shape, name), lse_plain(shape, name), lse_shifted(shape, name + "_rows", 1),
          lse_shifted(shape, name + "_columns", 0), lse_finish(shape, name)};
}

std::vector<kernel::Kernel> lse_grad_kernels(const SimilarityShape& shape, const std::string& name) {
  return {lengths(shape, name), grad_plain(shape, name), grad_shifted(shape, name), grad_weights(shape, name)};
}

}  // namespace weft::cpu
