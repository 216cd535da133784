// Rules of ops that move elements: they compose, cancel, and move into contractions that can read moved operands. All
// are exact.
#include <algorithm>

#include "passes/simplify/closed_form.h"
#include "passes/simplify/rule.h"

namespace weft::passes {

using namespace placeholders;
using ir::Attr;
using ir::Dim;
using ir::Dims;
using ir::OpCode;
using ir::ValueId;

namespace {

using Axes = std::vector<std::int64_t>;

// Sums of two starts; nothing if a pair cannot be added.
std::optional<Dims> add(const Dims& a, const Dims& b) {
  Dims sum;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const std::optional<Dim> each = ir::add(a[i], b[i]);
    if (!each) return {};
    sum.push_back(*each);
  }
  return sum;
}

Result compose_transposes(const Match& m) {
  const Axes first = m.op(inner).attrs.integers(Attr::perm);
  Axes perm;
  for (const std::int64_t axis : m.root().attrs.integers(Attr::perm)) perm.push_back(first[std::size_t(axis)]);
  return transpose(m[x], perm);
}

Result transpose_of_ones(const Match& m) {
  const bool is_reshape = keeps_order(m.type(x).dims, m.root().attrs.integers(Attr::perm));
  return is_reshape ? Result(reshape(m[x], m.dims())) : Result();
}

// Random numbers depend on the row-major index, which a reshape keeps.
Result reshaped_random(const Match& m) {
  const ir::Op& random = m.op(inner);
  return apply(random.code, {m[x]}, random.attrs, m.type());
}

Result compose_slices(const Match& m) {
  const auto start = add(m.op(inner).attrs.dims(Attr::start), m.root().attrs.dims(Attr::start));
  return start ? Result(slice(m[x], *start, m.dims())) : Result();
}

Result compose_pads(const Match& m) {
  const auto start = add(m.op(inner).attrs.dims(Attr::start), m.root().attrs.dims(Attr::start));
  return start ? Result(pad(m[x], *start, m.dims())) : Result();
}

// The offset of [start, start + size) within [from, from + length), or nothing if it is not inside.
std::optional<Dim> offset_within(const Dim& start, const Dim& size, const Dim& from, const Dim& length) {
  const std::optional<Dim> offset = ir::subtract(start, from);
  if (!offset || offset->factor < 0) return {};
  const std::optional<Dim> end = ir::add(*offset, size);
  const std::optional<Dim> rest = end ? ir::subtract(length, *end) : std::nullopt;
  if (!rest || rest->factor < 0) return {};
  return offset;
}

// A slice within one part of a concat is a slice of that part.
Result slice_of_concat(const Match& m) {
  const std::size_t axis = std::size_t(m.op(x).attrs.integer(Attr::axis));
  Dims start = m.root().attrs.dims(Attr::start);
  Dim from(0);
  for (const ValueId part : m.op(x).operands) {
    const Dim length = m.graph().type(part).dims[axis];
    if (const auto offset = offset_within(start[axis], m.dims()[axis], from, length)) {
      start[axis] = *offset;
      return slice(m[part], start, m.dims());
    }
    const std::optional<Dim> next = ir::add(from, length);
    if (!next) return {};
    from = *next;
  }
  return {};
}

// A slice within a pad's operand is a slice of the operand.
Result slice_of_pad(const Match& m) {
  Dims start = m.root().attrs.dims(Attr::start);
  const Dims box = m.op(inner).attrs.dims(Attr::start);
  for (std::size_t i = 0; i < start.size(); ++i) {
    const auto offset = offset_within(start[i], m.dims()[i], box[i], m.type(x).dims[i]);
    if (!offset) return {};
    start[i] = *offset;
  }
  return slice(m[x], start, m.dims());
}

// concat(concat(a, b), c) -> concat(a, b, c), along one axis.
Result flatten_concat(const Match& m) {
  const std::int64_t axis = m.root().attrs.integer(Attr::axis);
  std::vector<Expr> parts;
  bool flattened = m.root().operands.size() == 1;
  for (const ValueId operand : m.root().operands) {
    const ir::Op* op = m.graph().producer(operand);
    const bool nested = op && op->code == OpCode::concat && op->attrs.integer(Attr::axis) == axis;
    flattened = flattened || nested;
    const std::vector<ValueId> inside = nested ? op->operands : std::vector<ValueId>{operand};
    for (const ValueId part : inside) parts.push_back(m[part]);
  }
  return flattened ? Result(concat(parts, axis)) : Result();
}

// concat(x[0:20], x[20:40]) -> x[0:40]
Result concat_of_slices(const Match& m) {
  const std::size_t axis = std::size_t(m.root().attrs.integer(Attr::axis));
  ValueId whole = ir::kNone;
  Dims first, next;
  for (const ValueId operand : m.root().operands) {
    const ir::Op* op = m.graph().producer(operand);
    if (!op || op->code != OpCode::slice) return {};
    const Dims start = op->attrs.dims(Attr::start);
    if (whole == ir::kNone) {
      whole = op->operands.front();
      first = next = start;
    }
    if (op->operands.front() != whole || start != next) return {};
    const std::optional<Dim> end = ir::add(start[axis], m.graph().type(operand).dims[axis]);
    if (!end) return {};
    next[axis] = *end;
  }
  return slice(m[whole], first, m.dims());
}

// A term in a sum of padded values.
struct Piece {
  ValueId value;
  Dims start;
};

// Collects the pads that a tree of additions sums; false if another term occurs.
bool collect_pieces(const ir::Graph& graph, ValueId value, std::vector<Piece>& pieces) {
  const ir::Op* op = graph.producer(value);
  if (!op) return false;
  if (op->code == OpCode::pad) {
    pieces.push_back({op->operands.front(), op->attrs.dims(Attr::start)});
    return true;
  }
  return op->code == OpCode::add && graph.type(op->operands[0]) == graph.type(op->operands[1]) &&
         collect_pieces(graph, op->operands[0], pieces) && collect_pieces(graph, op->operands[1], pieces);
}

// The axis along which pieces, sorted by start, are contiguous and equal in all other dims.
std::optional<std::size_t> common_axis(const ir::Graph& graph, std::vector<Piece>& pieces) {
  std::optional<std::size_t> axis;
  for (std::size_t i = 0; i < pieces[0].start.size() && !axis; ++i)
    if (pieces[0].start[i] != pieces[1].start[i]) axis = i;
  if (!axis) return {};
  std::sort(pieces.begin(), pieces.end(),
            [&](const Piece& a, const Piece& b) { return a.start[*axis].factor < b.start[*axis].factor; });
  for (std::size_t i = 1; i < pieces.size(); ++i) {
    const Dims& before = graph.type(pieces[i - 1].value).dims;
    Dims start = pieces[i - 1].start, dims = graph.type(pieces[i].value).dims;
    const std::optional<Dim> end = ir::add(start[*axis], before[*axis]);
    if (!end) return {};
    start[*axis] = *end;
    dims[*axis] = before[*axis];
    if (start != pieces[i].start || dims != before) return {};
  }
  return axis;
}

// The gradient of slices that cover a value: pad(a) + pad(b) -> pad(concat(a, b)), where b follows a.
Result sum_of_pads(const Match& m) {
  std::vector<Piece> pieces;
  if (!collect_pieces(m.graph(), m.root().results.front(), pieces)) return {};
  const std::optional<std::size_t> axis = common_axis(m.graph(), pieces);
  if (!axis) return {};
  std::vector<Expr> parts;
  for (const Piece& piece : pieces) parts.push_back(m[piece.value]);
  return pad(concat(parts, std::int64_t(*axis)), pieces[0].start, m.dims());
}

// Whether a transpose moves nothing but the last two dims, which it swaps.
bool swaps_last_two(const ir::Op& op) {
  if (op.code != OpCode::transpose) return false;
  Axes perm = op.attrs.integers(Attr::perm);
  if (perm.size() < 2) return false;
  std::swap(perm[perm.size() - 2], perm.back());
  for (std::size_t i = 0; i < perm.size(); ++i)
    if (perm[i] != std::int64_t(i)) return false;
  return true;
}

// matmul(transpose(a), b) -> matmul(a, b, transpose_a), and the same for b. Only if the transpose swaps the dims of the
// matrices: one that keeps their order is a reshape, which another rule drops.
Result transposes_into_matmul(const Match& m) {
  std::vector<Expr> operands;
  ir::Attrs attrs = m.root().attrs;
  bool moved = false;
  const Attr flags[] = {Attr::transpose_a, Attr::transpose_b};
  for (std::size_t i = 0; i < m.root().operands.size(); ++i) {
    const ValueId operand = m.root().operands[i];
    const ir::Op* op = m.graph().producer(operand);
    const bool transposed = i < 2 && op && swaps_last_two(*op);
    if (transposed) attrs.set(flags[i], 1 - attrs.integer(flags[i]));
    moved = moved || transposed;
    operands.push_back(m[transposed ? op->operands.front() : operand]);
  }
  return moved ? Result(apply(OpCode::matmul, operands, attrs, m.type())) : Result();
}

// (a b)^T = b^T a^T
Result transpose_of_matmul(const Match& m) {
  const ir::Op& product = m.op(inner);
  if (product.operands.size() != 2 || product.attrs.has(Attr::activation) || !m.used_once(inner)) return {};
  if (!swaps_last_two(m.root())) return {};
  const bool a_transposed = product.attrs.integer(Attr::transpose_a) != 0;
  const bool b_transposed = product.attrs.integer(Attr::transpose_b) != 0;
  if (m.type().dtype != m.graph().type(product.operands[0]).dtype) return {};  // narrow operands, wide result
  return matmul(m[product.operands[1]], m[product.operands[0]], !b_transposed, !a_transposed);
}

// broadcast(reshape(x)) -> broadcast(x) if the reshape only adds leading ones, as numpy broadcasting does.
Result broadcast_of_reshape(const Match& m) {
  return adds_leading_ones(m.type(x).dims, m.type(inner).dims) ? Result(broadcast(m[x], m.dims())) : Result();
}

// Moving a single element changes nothing: f(broadcast(x)) -> broadcast(x).
Result move_single(const Match& m) {
  return is_single(m.type(x).dims) ? Result(broadcast(reshape(m[x], {}), m.dims())) : Result();
}

// The gradient of a gather by a swap of rows, such as the partners of a contrastive loss.
Result scatter_by_swap(const Match& m) {
  if (m.dims()[0] != m.type(y).dims[0] || !is_own_inverse(ClosedForm(m.graph()), m.graph(), m.old(x))) return {};
  return apply(OpCode::gather, {m[y], m[x]});
}

Result keep_equal_dims(const Match& m) { return m.type(x).dims == m.dims() ? Result(m[x]) : Result(); }

}  // namespace

std::vector<Rule> movement_rules() {
  std::vector<Rule> rules = {
      rule("broadcast(broadcast(x)) -> broadcast(x)", op(OpCode::broadcast, op(OpCode::broadcast, x)),
           [](const Match& m) { return broadcast(m[x], m.dims()); }),
      rule("broadcast(reshape(x, [1, ..])) -> broadcast(x)", op(OpCode::broadcast, op(OpCode::reshape, x).as(inner)),
           broadcast_of_reshape),
      rule("broadcast(c) -> c", op(OpCode::broadcast, c),
           [](const Match& m) { return m.constant(m.number(c), m.type()); }),
      rule("reshape(c) -> c", op(OpCode::reshape, c), [](const Match& m) { return m.constant(m.number(c), m.type()); }),
      rule("transpose(c) -> c", op(OpCode::transpose, c),
           [](const Match& m) { return m.constant(m.number(c), m.type()); }),
      rule("slice(c) -> c", op(OpCode::slice, c), [](const Match& m) { return m.constant(m.number(c), m.type()); }),
      rule("gather(c, x) -> c", op(OpCode::gather, c, x),
           [](const Match& m) { return m.constant(m.number(c), m.type()); }),
      rule("gather(broadcast(x), y) -> broadcast(x), x a single element",
           op(OpCode::gather, op(OpCode::broadcast, x), y), move_single),
      rule("pad(0) -> 0", op(OpCode::pad, 0), [](const Match& m) { return m.constant(0, m.type()); }),

      rule("reshape(reshape(x)) -> reshape(x)", op(OpCode::reshape, op(OpCode::reshape, x)),
           [](const Match& m) { return reshape(m[x], m.dims()); }),
      rule("transpose(transpose(x)) -> transpose(x)", op(OpCode::transpose, op(OpCode::transpose, x).as(inner)),
           compose_transposes),
      rule("transpose(x) of dims 1 -> reshape(x)", op(OpCode::transpose, x), transpose_of_ones),
      rule("slice(slice(x)) -> slice(x)", op(OpCode::slice, op(OpCode::slice, x).as(inner)), compose_slices),
      rule("slice(concat(x, ..)) -> slice(x)", op(OpCode::slice, op(OpCode::concat).as(x)), slice_of_concat),
      rule("slice(pad(x)) -> slice(x)", op(OpCode::slice, op(OpCode::pad, x).as(inner)), slice_of_pad),
      rule("pad(pad(x)) -> pad(x)", op(OpCode::pad, op(OpCode::pad, x).as(inner)), compose_pads),
      rule("concat(concat(x, y), z) -> concat(x, y, z)", op(OpCode::concat), flatten_concat),
      rule("concat(slice(x), slice(x)) -> slice(x)", op(OpCode::concat), concat_of_slices),
      rule("pad(x) + pad(y) -> pad(concat(x, y))", op(OpCode::pad, x) + y, sum_of_pads),

      rule("scatter_add(x, y) -> gather(y, x), x its own inverse", op(OpCode::scatter_add, x, y), scatter_by_swap),
      rule("matmul(transpose(x), y) -> matmul(x, y)", op(OpCode::matmul), transposes_into_matmul),
      rule("transpose(matmul(x, y)) -> matmul(y, x)", op(OpCode::transpose, op(OpCode::matmul).as(inner)),
           transpose_of_matmul),
  };
  for (const OpCode random : {OpCode::random_uniform, OpCode::random_normal})
    rules.push_back(
        rule("reshape(random(x)) -> random(x)", op(OpCode::reshape, op(random, x).as(inner)), reshaped_random));
  for (const OpCode f : {OpCode::broadcast, OpCode::reshape, OpCode::slice, OpCode::pad})
    rules.push_back(rule("f(x) -> x, of the same dims", op(f, x), keep_equal_dims));
  for (const OpCode f : {OpCode::reshape, OpCode::transpose, OpCode::slice})
    rules.push_back(
        rule("f(broadcast(x)) -> broadcast(x), x a single element", op(f, op(OpCode::broadcast, x)), move_single));
  return rules;
}

}  // namespace weft::passes
