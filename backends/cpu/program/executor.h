// Runs the steps of a program, in order, over memory that its caller owns.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "backends/cpu/program/step.h"
#include "backends/cpu/program/thunk.h"
#include "backends/cpu/threads/memory.h"

namespace weft::cpu {

// One per step. The kernels are those that the steps name.
std::vector<std::unique_ptr<Thunk>> make_thunks(const std::vector<Step>& steps,
                                                const std::vector<CompiledKernel>& kernels, int threads);

std::vector<std::size_t> scratch_of(const std::vector<std::unique_ptr<Thunk>>& items);

class Executor {
 public:
  // `steps` with their addresses. Thunks that need more scratch than their step has, because it was planned on another
  // machine, get separate memory.
  Executor(const std::vector<Step>& steps, std::vector<std::unique_ptr<Thunk>> items, int threads);

  // The addresses of the arena, the inputs and the outputs. Allocates only the first time.
  void bind(std::byte* arena, void* const* inputs, void* const* outputs);
  void run();

  std::size_t size() const { return entries_.size(); }
  Thunk& item(std::size_t step) { return *entries_[step].item; }

 private:
  struct Entry {
    std::unique_ptr<Thunk> item;
    std::vector<Address> addresses;
    std::size_t scratch_offset = 0;
    bool own_scratch = false;
    std::vector<void*> pointers;  // of the addresses
  };

  std::vector<Entry> entries_;
  int threads_;
  HugeMemory own_scratch_;
};

}  // namespace weft::cpu
