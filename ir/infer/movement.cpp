// Type rules of the movement ops, which rearrange elements without changing them.
#include <algorithm>
#include <string_view>

#include "ir/error.h"
#include "ir/infer/rules.h"

namespace weft::ir {

namespace {

void need_rank(const Type& type, std::size_t rank, std::string_view what) {
  if (type.rank() != rank) fail("{} must have {} dim(s), got {}", what, rank, to_string(type));
}

void check_indices(const Type& indices) {
  if (indices.dtype != DType::i32 || indices.rank() != 1)
    fail("indices must be i32 with 1 dim, got {}", to_string(indices));
}

}  // namespace

void check_broadcast(const Type& x, const Type& written) {
  need_dtype(written, x.dtype);
  if (broadcast(x.dims, written.dims) != written.dims)
    fail("{} does not broadcast to {}", to_string(x), to_string(written));
}

void check_reshape(const Type& x, const Type& written) {
  need_dtype(written, x.dtype);
  if (!same_elements(x.dims, written.dims))
    fail("the number of elements differs: {} to {}", to_string(x), to_string(written));
}

Type infer_transpose(const Type& x, const Attrs& attrs) {
  const std::vector<std::int64_t> perm = attrs.integers(Attr::perm);
  std::vector<std::int64_t> sorted = perm;
  std::sort(sorted.begin(), sorted.end());
  bool good = perm.size() == x.rank();
  for (std::size_t i = 0; good && i < sorted.size(); ++i) good = sorted[i] == std::int64_t(i);
  if (!good) fail("perm [{}] is not a permutation of the dims of {}", fmt::join(perm, ","), to_string(x));
  Type result = x;
  for (std::size_t i = 0; i < perm.size(); ++i) result.dims[i] = x.dims[std::size_t(perm[i])];
  return result;
}

void check_box(const Type& whole, const Type& box, const Dims& start) {
  if (whole.rank() != box.rank() || start.size() != box.rank())
    fail("ranks differ: {} in {} from {}", to_string(box), to_string(whole), to_string(start));
  for (std::size_t i = 0; i < start.size(); ++i) {
    if (start[i].factor < 0) fail("start must not be negative, got {}", to_string(start));
    const std::optional<Dim> end = add(start[i], box.dims[i]);
    const std::optional<Dim> rest = end ? subtract(whole.dims[i], *end) : end;
    if (rest && rest->factor < 0)
      fail("dim {} leaves the bounds: from {}, size {}, of {} in {}", i, to_string(start[i]), to_string(box.dims[i]),
           to_string(whole.dims[i]), to_string(whole));
  }
}

Type infer_concat(const Types& x, const Attrs& attrs) {
  need_same_dtype(x);
  const std::size_t axis = std::size_t(attrs.integer(Attr::axis));
  Type result = x[0];
  if (axis >= result.rank()) fail("axis {} is beyond {}", axis, to_string(result));
  for (std::size_t i = 1; i < x.size(); ++i) {
    const std::optional<Dim> sum =
        x[i].rank() == result.rank() ? add(result.dims[axis], x[i].dims[axis]) : std::nullopt;
    Dims others = x[i].dims;
    if (axis < others.size()) others[axis] = result.dims[axis];
    if (others != result.dims) fail("dims other than axis {} must be equal: {}", axis, list(x));
    if (!sum)
      fail("cannot add {} and {} along axis {}: one symbol or numbers are needed in {}", to_string(result.dims[axis]),
           to_string(x[i].dims[axis]), axis, list(x));
    result.dims[axis] = *sum;
  }
  return result;
}

Type infer_gather(const Type& table, const Type& indices) {
  check_indices(indices);
  if (table.rank() == 0) fail("the table must have a dim to index, got {}", to_string(table));
  Type result = table;
  result.dims[0] = indices.dims[0];
  return result;
}

void check_scatter_add(const Type& indices, const Type& rows, const Type& written) {
  check_indices(indices);
  need_dtype(written, rows.dtype);
  const auto row_dims = [](const Type& type) {
    return type.rank() == 0 ? Dims() : Dims(type.dims.begin() + 1, type.dims.end());
  };
  if (rows.rank() == 0 || rows.dims[0] != indices.dims[0])
    fail("needs one row per index: {} and {}", to_string(indices), to_string(rows));
  if (written.rank() == 0 || row_dims(written) != row_dims(rows))
    fail("rows differ: {} into {}", to_string(rows), to_string(written));
}

void check_pack(const Types& x, const Attrs& attrs, const Type& written) {
  need_same_dtype(x);
  need_dtype(written, x[0].dtype);
  need_rank(written, 1, "the result");
  const std::vector<std::int64_t> offsets = attrs.integers(Attr::offsets);
  if (offsets.size() != x.size()) fail("{} offsets for {} operands", offsets.size(), x.size());
  struct Range {
    std::int64_t first, last;
    std::size_t operand;
  };
  std::vector<Range> ranges;
  if (!written.is_static()) fail("the result must have a fixed size, got {}", to_string(written));
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!x[i].is_static()) fail("operand {} must have a fixed size, got {}", i, to_string(x[i]));
    if (offsets[i] < 0 || offsets[i] > written.elements() - x[i].elements())
      fail("operand {} at offset {} leaves the bounds: {} in {}", i, offsets[i], to_string(x[i]), to_string(written));
    ranges.push_back({offsets[i], offsets[i] + x[i].elements(), i});
  }
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
  for (std::size_t i = 1; i < ranges.size(); ++i)
    if (ranges[i].first < ranges[i - 1].last)
      fail("operands {} and {} overlap: {} to {} and {} to {}", ranges[i - 1].operand, ranges[i].operand,
           ranges[i - 1].first, ranges[i - 1].last, ranges[i].first, ranges[i].last);
}

void check_view(const Type& x, const Attrs& attrs, const Type& written) {
  need_dtype(written, x.dtype);
  need_rank(x, 1, "the operand");
  if (!x.is_static() || !written.is_static()) fail("needs fixed sizes, got {} of {}", to_string(written), to_string(x));
  const std::int64_t offset = attrs.integer(Attr::offset);
  if (offset + written.elements() > x.elements())
    fail("{} at offset {} leaves the bounds of {}", to_string(written), offset, to_string(x));
}

}  // namespace weft::ir
