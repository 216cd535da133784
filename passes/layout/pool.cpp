// Expresses pooling over tiles as reductions, comparisons and broadcasts, which fuse with neighbouring ops.
#include "passes/layout/pool.h"

namespace weft::passes {

using ir::Dims;

namespace {

const std::vector<std::int64_t> kWindow = {2, 4};

std::int64_t window_size(const Dims& dims) { return ir::number(dims[2]) * ir::number(dims[4]); }

// Decreases with the index in the window; at least 1.
Expr precedence(Expr x) {
  const Dims dims = x.dims();
  const auto along = [&](std::size_t axis) {
    Dims line(dims.size(), 1);
    line[axis] = dims[axis];
    return iota(*x.builder, {x.dtype(), line}, std::int64_t(axis));
  };
  return double(window_size(dims)) - (along(2) * double(ir::number(dims[4])) + along(4));
}

}  // namespace

Expr max_of_windows(Expr x) { return reduce_max(x, kWindow); }

Expr mean_of_windows(Expr x) { return reduce_sum(x, kWindow) * (1.0 / double(window_size(x.dims()))); }

Expr max_of_windows_gradient(Expr x, Expr dy) {
  const Expr is_largest = logical_or(eq(x, max_of_windows(x)), ne(x, x));
  const Expr rank = select(is_largest, precedence(x), scalar_like(x, 0));
  return select(eq(rank, reduce_max(rank, kWindow)), dy, scalar_like(dy, 0));
}

Expr mean_of_windows_gradient(Expr dy, const Dims& dims) {
  return broadcast(dy, dims) * (1.0 / (ir::number(dims[2]) * ir::number(dims[4])));
}

}  // namespace weft::passes
