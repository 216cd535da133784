// Indices of elements: from the number of an element to its place in each dim, and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weft::passes {

using Index = std::vector<std::int64_t>;  // one a dim

// The row-major number of the element at `index` among `dims`, and the index of the element of a number.
std::int64_t flatten(const Index& index, const Index& dims);
Index unflatten(std::int64_t flat, const Index& dims);

// The index into a value of `dims` that numpy broadcasting reads for `index`.
Index broadcast_index(const Index& index, const Index& dims);

// The index into the operand of a `transpose` or a `slice`, whose start is `start`, that its result has at `index`.
Index transposed_index(const Index& index, const Index& perm);
Index sliced_index(Index index, const Index& start);

}  // namespace weft::passes
