// Addresses to pointers.
#include "runtime/program/executor.h"

#include <algorithm>

namespace weft::runtime {

std::vector<std::size_t> scratch_of(const Thunks& items) {
  std::vector<std::size_t> bytes;
  for (const auto& item : items) bytes.push_back(item->scratch_bytes());
  return bytes;
}

Executor::Executor(const weft_program& program, Thunks items, const Allocate& allocate) {
  std::size_t most = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const weft_step& step = program.steps[i];
    const std::size_t bytes = items[i]->scratch_bytes();
    const bool own = bytes > step.scratch_bytes;
    if (own) most = std::max(most, bytes);
    entries_.push_back({step, std::move(items[i]), own, std::vector<void*>(std::size_t(step.address_count))});
  }
  if (most > 0) own_scratch_ = allocate(most);
}

void Executor::bind(std::byte* arena, void* const* inputs, void* const* outputs) {
  for (Entry& entry : entries_) {
    const weft_step& step = entry.step;
    for (std::size_t i = 0; i < entry.pointers.size(); ++i) {
      const weft_address& address = step.addresses[i];
      void* const start = address.base == WEFT_INPUT    ? inputs[address.index]
                          : address.base == WEFT_OUTPUT ? outputs[address.index]
                                                        : arena;
      entry.pointers[i] = static_cast<std::byte*>(start) + address.offset;
    }
    entry.item->bind(entry.pointers, entry.own_scratch ? own_scratch_.get() : arena + step.scratch_offset);
  }
}

}  // namespace weft::runtime
