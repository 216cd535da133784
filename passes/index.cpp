#include "passes/index.h"

namespace weft::passes {

std::int64_t flatten(const Index& index, const Index& dims) {
  std::int64_t flat = 0;
  for (std::size_t i = 0; i < dims.size(); ++i) flat = flat * dims[i] + index[i];
  return flat;
}

Index unflatten(std::int64_t flat, const Index& dims) {
  Index index(dims.size());
  for (std::size_t i = dims.size(); i-- > 0; flat /= dims[i]) index[i] = flat % dims[i];
  return index;
}

Index broadcast_index(const Index& index, const Index& dims) {
  Index from(dims.size());
  const std::size_t lead = index.size() - dims.size();
  for (std::size_t i = 0; i < dims.size(); ++i) from[i] = dims[i] == 1 ? 0 : index[lead + i];
  return from;
}

Index transposed_index(const Index& index, const Index& perm) {
  Index from(index.size());
  for (std::size_t i = 0; i < perm.size(); ++i) from[std::size_t(perm[i])] = index[i];
  return from;
}

Index sliced_index(Index index, const Index& start) {
  for (std::size_t i = 0; i < start.size(); ++i) index[i] += start[i];
  return index;
}

}  // namespace weft::passes
