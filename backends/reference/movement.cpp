// Ops that copy elements to other positions.
#include <algorithm>

#include "backends/reference/index.h"
#include "backends/reference/kernels.h"
#include "ir/error.h"

namespace weft::reference {

using ir::Attr;
using ir::Attrs;
using ir::Type;

namespace {

// The elements of x at `strides` from `first` on, at the positions of `type`.
Tensor read_strided(const Tensor& x, const Index& strides, std::size_t first, const Type& type) {
  Tensor result{type, {}};
  result.data.reserve(std::size_t(type.elements()));
  for_each_position(numbers(type.dims), [&](const Index& position) {
    result.data.push_back(x.data[first + offset_of(position, strides)]);
  });
  return result;
}

// Writes x into the box of `result` that begins at `start`.
void place(const Tensor& x, const Index& start, Tensor& result) {
  const Index strides = ir::row_major(numbers(result.type.dims));
  const std::size_t first = offset_of(start, strides);
  std::size_t i = 0;
  for_each_position(numbers(x.type.dims),
                    [&](const Index& position) { result.data[first + offset_of(position, strides)] = x.data[i++]; });
}

// Calls body(row of the table, its position in `indices`): the nearest row if an index is beyond the table.
template <typename Body>
void for_each_index(const Tensor& indices, const Type& table, Body body) {
  const std::int64_t last = ir::number(table.dims.front()) - 1;
  for (std::size_t i = 0; i < indices.data.size(); ++i)
    body(std::size_t(std::clamp<std::int64_t>(std::int64_t(indices.data[i]), 0, last)), i);
}

}  // namespace

Tensor broadcast(const Tensor& x, const Type& type) {
  return read_strided(x, broadcast_strides(numbers(x.type.dims), numbers(type.dims)), 0, type);
}

Tensor reshape(const Tensor& x, const Type& type) { return {type, x.data}; }

Tensor transpose(const Tensor& x, const Attrs& attrs, const Type& type) {
  const Index own = ir::row_major(numbers(x.type.dims));
  Index strides;
  for (const std::int64_t axis : attrs.integers(Attr::perm)) strides.push_back(own[std::size_t(axis)]);
  return read_strided(x, strides, 0, type);
}

Tensor slice(const Tensor& x, const Attrs& attrs, const Type& type) {
  const Index strides = ir::row_major(numbers(x.type.dims));
  return read_strided(x, strides, offset_of(numbers(attrs.dims(Attr::start)), strides), type);
}

Tensor pad(const Tensor& x, const Attrs& attrs, const Type& type) {
  Tensor result = filled(type, 0);
  place(x, numbers(attrs.dims(Attr::start)), result);
  return result;
}

Tensor concat(const Operands& operands, const Attrs& attrs, const Type& type) {
  const auto axis = std::size_t(attrs.integer(Attr::axis));
  Tensor result = filled(type, 0);
  Index start(type.rank(), 0);
  for (const Tensor* operand : operands) {
    place(*operand, start, result);
    start[axis] += ir::number(operand->type.dims[axis]);
  }
  return result;
}

Tensor gather(const Tensor& table, const Tensor& indices, const Type& type) {
  const std::size_t width = table.data.size() / std::size_t(ir::number(table.type.dims.front()));
  Tensor result = filled(type, 0);
  for_each_index(indices, table.type, [&](std::size_t row, std::size_t i) {
    std::copy_n(table.data.begin() + std::ptrdiff_t(row * width), width,
                result.data.begin() + std::ptrdiff_t(i * width));
  });
  return result;
}

Tensor scatter_add(const Tensor& indices, const Tensor& rows, const Type& type) {
  Tensor result = filled(type, 0);
  const std::size_t width = result.data.size() / std::size_t(ir::number(type.dims.front()));
  for_each_index(indices, type, [&](std::size_t row, std::size_t i) {
    for (std::size_t j = 0; j < width; ++j) result.data[row * width + j] += rows.data[i * width + j];
  });
  return result;
}

Tensor pack(const Operands& operands, const Attrs& attrs, const Type& type) {
  const Index offsets = attrs.integers(Attr::offsets);
  Tensor result = filled(type, 0);
  for (std::size_t i = 0; i < operands.size(); ++i)
    std::copy(operands[i]->data.begin(), operands[i]->data.end(), result.data.begin() + offsets[i]);
  return result;
}

Tensor view(const Tensor& x, const Attrs& attrs, const Type& type) {
  const auto first = x.data.begin() + attrs.integer(Attr::offset);
  return {type, std::vector<double>(first, first + type.elements())};
}

}  // namespace weft::reference
