// The movement ops of ops.h: they rearrange elements without changing them.
#include <algorithm>

#include "frontend/ops.h"
#include "frontend/recorder.h"
#include "ir/error.h"

namespace weft {

using ir::Attr;
using ir::Attrs;
using ir::OpCode;
using ir::Type;

namespace {

// The operand as a tensor, and a way to fail at its location.
struct Moved {
  Tensor x;
  std::source_location location;

  explicit Moved(const Operand& operand) : x(as_tensors({operand}).front()), location(operand.location()) {}

  std::size_t axis(int given) const {
    x.dim(given, location);  // checks the range
    return std::size_t(given < 0 ? given + int(x.rank()) : given);
  }
  Tensor make(OpCode code, const Attrs& attrs, const Dims& dims) const {
    return weft::make(code, {Operand(x, location)}, attrs, Type{x.dtype(), dims});
  }
  [[noreturn]] void fail(const std::string& what) const { x.recorder()->fail(location, what); }
};

// The size that -1 in `wanted` stands for, so that the result has as many elements as `from`.
Dim left_over(const Moved& moved, const Dims& wanted) {
  std::int64_t factor = 1;
  std::vector<std::string> symbols;
  for (const Dim& dim : moved.x.dims()) {
    factor *= dim.factor;
    if (!dim.is_number()) symbols.push_back(dim.symbol);
  }
  std::int64_t taken = 1;
  bool fits = true;
  for (const Dim& dim : wanted) {
    if (dim == Dim(-1)) continue;
    taken *= dim.factor;
    const auto found = std::find(symbols.begin(), symbols.end(), dim.symbol);
    if (!dim.is_number() && found == symbols.end()) fits = false;
    if (!dim.is_number() && found != symbols.end()) symbols.erase(found);
  }
  if (!fits || symbols.size() > 1 || taken <= 0 || factor % taken != 0)
    moved.fail(fmt::format("[reshape] no size for -1 makes {} of {}", to_string(wanted), to_string(moved.x.type())));
  return symbols.empty() ? Dim(factor / taken) : Dim(symbols.front(), factor / taken);
}

}  // namespace

Tensor broadcast(Operand x, const Dims& dims) { return Moved(x).make(OpCode::broadcast, {}, dims); }

Tensor reshape(Operand x, const Dims& dims) {
  const Moved moved(x);
  Dims result = dims;
  const auto unknown = std::find(result.begin(), result.end(), Dim(-1));
  if (unknown != result.end()) *unknown = left_over(moved, dims);
  return moved.make(OpCode::reshape, {}, result);
}

Tensor flatten(Operand x) {
  const Moved moved(x);
  return reshape(Operand(moved.x, x.location()), {moved.x.dim(0, x.location()), -1});
}

Tensor transpose(Operand x, const std::vector<int>& perm) {
  const Moved moved(x);
  std::vector<std::int64_t> axes;
  for (const int axis : perm) axes.push_back(std::int64_t(moved.axis(axis)));
  return weft::make(OpCode::transpose, {x}, Attrs().set(Attr::perm, axes));
}

Tensor transpose(Operand x) {
  std::vector<int> perm;
  for (int axis = int(as_tensors({x}).front().rank()) - 1; axis >= 0; --axis) perm.push_back(axis);
  return transpose(x, perm);
}

Tensor slice(Operand x, int axis, const Dim& begin, const Dim& end) {
  const Moved moved(x);
  const std::size_t index = moved.axis(axis);
  const std::optional<Dim> size = ir::subtract(end, begin);
  if (!size || size->factor <= 0)
    moved.fail(fmt::format(
        "[slice] {} to {} of {}: the end must be beyond the begin, and both must be numbers or multiples of one symbol",
        ir::to_string(begin), ir::to_string(end), to_string(moved.x.type())));
  Dims start(moved.x.rank(), Dim(0));
  Dims dims = moved.x.dims();
  start[index] = begin;
  dims[index] = *size;
  return moved.make(OpCode::slice, Attrs().set(Attr::start, start), dims);
}

Tensor pad(Operand x, int axis, const Dim& before, const Dim& after) {
  const Moved moved(x);
  const std::size_t index = moved.axis(axis);
  Dims start(moved.x.rank(), Dim(0));
  Dims dims = moved.x.dims();
  start[index] = before;
  const std::optional<Dim> front = ir::add(before, dims[index]);
  const std::optional<Dim> whole = front ? ir::add(*front, after) : std::nullopt;
  if (!whole)
    moved.fail(fmt::format("[pad] {} + {} + {} along axis {} is no dim: numbers or multiples of one symbol are needed",
                           ir::to_string(before), ir::to_string(dims[index]), ir::to_string(after), axis));
  dims[index] = *whole;
  return moved.make(OpCode::pad, Attrs().set(Attr::start, start), dims);
}

Tensor concat(const std::vector<Tensor>& parts, int axis, std::source_location location) {
  if (parts.empty()) Recorder::current(location)->fail(location, "[concat] needs at least one part");
  std::vector<Operand> operands;
  for (const Tensor& part : parts) operands.emplace_back(part, location);
  return make(OpCode::concat, operands, Attrs().set(Attr::axis, std::int64_t(Moved(operands[0]).axis(axis))));
}

Tensor gather(Operand table, Operand indices) { return make(OpCode::gather, {table, indices}); }

Tensor scatter_add(Operand indices, Operand rows, const Dim& count) {
  Type type = as_tensors({rows}).front().type();
  if (!type.dims.empty()) type.dims[0] = count;
  return make(OpCode::scatter_add, {indices, rows}, {}, type);
}

}  // namespace weft
