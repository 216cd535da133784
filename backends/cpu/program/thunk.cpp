// Thunks that run their kernels themselves.
#include "backends/cpu/program/thunk.h"

#include <algorithm>

namespace weft::cpu {

void FillThunk::run() {
  for (const passes::Gap& gap : work_.gaps) std::fill_n(start_ + gap.offset, gap.bytes, std::byte{});
}

void RelayoutThunk::run() {
  for (std::size_t i = 0; i < offsets_.size(); ++i) to_[i] = from_[offsets_[i]];
}

}  // namespace weft::cpu
