// Walks over row-major tensors: positions, strides and numpy broadcasting.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ir/type.h"

namespace weft::reference {

using Index = std::vector<std::int64_t>;  // dims, strides or a position: one number per dim

// Strides that read a tensor of dims `from` at positions of dims `to`: 0 along broadcast dims.
inline Index broadcast_strides(const Index& from, const Index& to) {
  const Index own = ir::row_major(from);
  Index strides(to.size(), 0);
  const std::size_t lead = to.size() - from.size();
  for (std::size_t i = 0; i < from.size(); ++i) strides[lead + i] = from[i] == 1 ? 0 : own[i];
  return strides;
}

inline std::size_t offset_of(const Index& position, const Index& strides) {
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < position.size(); ++i) offset += position[i] * strides[i];
  return std::size_t(offset);
}

// Calls body(position) for every position of `dims`, in row-major order.
template <typename Body>
void for_each_position(const Index& dims, Body body) {
  for (const std::int64_t dim : dims)
    if (dim == 0) return;
  Index position(dims.size(), 0);
  for (;;) {
    body(static_cast<const Index&>(position));
    std::size_t axis = dims.size();
    while (axis > 0 && ++position[axis - 1] == dims[axis - 1]) position[--axis] = 0;
    if (axis == 0) return;
  }
}

}  // namespace weft::reference
