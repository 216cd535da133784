// Sizes, liveness and row axes of a fused body.
#include "ir/kernel/space.h"

#include <algorithm>
#include <numeric>

#include "ir/error.h"

namespace weft::kernel {

using ir::Attr;
using ir::OpCode;
using ir::ValueId;

void reject(const ir::Graph& body, const std::string& what) {
  throw InternalError(fmt::format("internal error: fused body @{}: {}", body.name, what));
}

namespace {

// A sum over the innermost dims becomes a row reduction if threads can share the rows, or if rows are too short to
// share.
constexpr std::int64_t kEnoughRows = 32;
constexpr std::int64_t kShortRow = 2048;

}  // namespace

Space::Space(const ir::Graph& body) : body_(body), live_(body.ops.size(), false), row_reduce_(body.ops.size(), false) {
  const RegionGraph graph(body);
  std::vector<ir::OpId> all(body.ops.size());
  std::iota(all.begin(), all.end(), ir::OpId{0});
  const Region region(graph, all);
  if (!region.why_not().empty()) reject(body, region.why_not());
  for (const ir::OpId id : region.placed()) {
    live_[id] = true;
    row_reduce_[id] = region.is_row_reduce(id);
  }
  sizes_ = region.sizes();
  for (const ir::Output& output : body.outputs) widen(output.value);  // an input may be an output
  row_ = region.row() << (sizes_.size() - region.sizes().size());
  if (row_ == 0) adopt_row();
  promote();
}

DimSet Space::dims() const {
  DimSet set = 0;
  for (int d = 0; d < rank(); ++d)
    if (sizes_[std::size_t(d)] > 1) set |= bit(d);
  return set;
}

DimSet Space::extents(ValueId value) const {
  const auto dims = numbers(body_.type(value).dims);
  DimSet set = 0;
  for (std::size_t i = 0; i < dims.size(); ++i)
    if (dims[i] > 1) set |= bit(int(i) + lead(value));
  return set;
}

DimSet Space::reduced(const ir::Op& op) const {
  DimSet set = 0;
  for (const std::int64_t axis : op.attrs.integers(Attr::axes)) set |= bit(int(axis) + lead(op.operands[0]));
  return set & extents(op.operands[0]);
}

Map Space::map(ValueId value, const Strides& given) const {
  const auto dims = numbers(body_.type(value).dims);
  const auto own = given.empty() ? ir::row_major(dims) : given;
  if (own.size() != dims.size()) reject(body_, "one stride for each dim of a view");
  Map result{0, std::vector<std::int64_t>(sizes_.size(), 0)};
  for (std::size_t i = 0; i < dims.size(); ++i)
    if (dims[i] > 1) result.strides[i + std::size_t(lead(value))] = own[i];
  return result;
}

void Space::widen(ValueId value) {
  const auto dims = numbers(body_.type(value).dims);
  if (dims.size() > sizes_.size()) sizes_.insert(sizes_.begin(), dims.size() - sizes_.size(), 1);
  for (std::size_t i = 0; i < dims.size(); ++i) {
    std::int64_t& size = sizes_[sizes_.size() - dims.size() + i];
    if (size != 1 && dims[i] != 1 && size != dims[i])
      reject(body_, fmt::format("sizes {} and {} meet in one dim", size, dims[i]));
    size = std::max(size, dims[i]);
  }
}

// A sum over only the innermost dims is cheapest as a row reduction, even if no point needs it.
void Space::adopt_row() {
  const DimSet all = dims();
  for (ir::OpId i = 0; i < body_.ops.size() && row_ == 0; ++i) {
    const ir::Op& op = body_.ops[i];
    if (!live_[i] || !is_reduce(op.code) || extents(op.operands[0]) != all) continue;
    const DimSet axes = reduced(op), kept = all & ~axes;
    const bool innermost = kept != 0 && kept < (axes & ~(axes - 1));
    if (axes != 0 && innermost && (count(kept) >= kEnoughRows || count(axes) <= kShortRow)) row_ = axes;
  }
}

std::int64_t Space::count(DimSet dims) const {
  std::int64_t result = 1;
  for (int d = 0; d < rank(); ++d)
    if (dims & bit(d)) result *= sizes_[std::size_t(d)];
  return result;
}

void Space::promote() {
  for (ir::OpId i = 0; i < body_.ops.size(); ++i) {
    const ir::Op& op = body_.ops[i];
    if (!live_[i] || !is_reduce(op.code)) continue;
    const DimSet axes = reduced(op);
    if (axes != 0 && axes == (extents(op.operands[0]) & row_)) row_reduce_[i] = true;
  }
}

}  // namespace weft::kernel
