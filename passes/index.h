// Converts between the row-major number of an element and its index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weft::passes {

using Index = std::vector<std::int64_t>;  // one entry per dim

// The row-major number of the element at `index` among `dims`, and its inverse.
std::int64_t flatten(const Index& index, const Index& dims);
Index unflatten(std::int64_t flat, const Index& dims);

// The index that numpy broadcasting reads in a value of `dims` for `index`.
Index broadcast_index(const Index& index, const Index& dims);

// The operand's index for the result's `index`, in a `transpose` or in a `slice` that starts at `start`.
Index transposed_index(const Index& index, const Index& perm);
Index sliced_index(Index index, const Index& start);

}  // namespace weft::passes
