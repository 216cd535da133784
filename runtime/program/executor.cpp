// Addresses, checked, to pointers.
#include "runtime/program/executor.h"

#include <algorithm>

#include "ir/error.h"

namespace weft::runtime {

std::vector<std::size_t> scratch_of(const Thunks& items) {
  std::vector<std::size_t> bytes;
  for (const auto& item : items) bytes.push_back(item->scratch_bytes());
  return bytes;
}

namespace {

std::size_t bytes_at(const weft_program& program, const weft_address& address) {
  const auto of_port = [&](const char* what, const weft_port* ports, int count) {
    if (address.index >= std::uint32_t(count)) fail("{} {} is none of the program's {}", what, address.index, count);
    return ports[address.index].type.bytes;
  };
  switch (address.base) {
    case WEFT_INPUT:
      return of_port("input", program.inputs, program.input_count);
    case WEFT_OUTPUT:
      return of_port("output", program.outputs, program.output_count);
    case WEFT_ARENA:
      return program.arena_bytes;
  }
  fail("an address has base {}", int(address.base));
}

void check_step(const weft_program& program, const weft_step& step) {
  for (int i = 0; i < step.address_count; ++i) {
    const std::size_t offset = step.addresses[i].offset, bytes = bytes_at(program, step.addresses[i]);
    if (offset > bytes) fail("operand {} begins at byte {} of {}", i, offset, bytes);
  }
  if (step.scratch_bytes == 0) return;
  if (step.scratch_offset > program.arena_bytes || step.scratch_bytes > program.arena_bytes - step.scratch_offset)
    fail("its scratch, {} bytes from byte {} on, leaves the arena of {}", step.scratch_bytes, step.scratch_offset,
         program.arena_bytes);
}

// A step reads and writes wherever its addresses lead.
void check_addresses(const weft_program& program) {
  for (int i = 0; i < program.step_count; ++i) {
    try {
      check_step(program, program.steps[i]);
    } catch (const Error& error) {
      fail("step {} of {}, {}: {}; compile the model again", i, program.entry, program.steps[i].name, error.what());
    }
  }
}

}  // namespace

Executor::Executor(const weft_program& program, Thunks items, const Allocate& allocate) {
  check_addresses(program);
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
