// Runs the steps of a program, in order, over memory that its caller owns: those of this process and those of an
// artefact. A backend makes the thunks, by generated code, a library or loops of its own.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/program/fields.h"

namespace weft::runtime {

// A step, made once and bound to its operands before it runs.
class Thunk {
 public:
  virtual ~Thunk() = default;
  // Operands, then results, in the order of the op.
  virtual void bind(const std::vector<void*>& pointers, void* scratch) = 0;
  virtual void run() = 0;
  virtual std::size_t scratch_bytes() const { return 0; }
  virtual std::string kind() const = 0;  // in profiles
};

using Thunks = std::vector<std::unique_ptr<Thunk>>;

std::vector<std::size_t> scratch_of(const Thunks& items);

class Executor {
 public:
  using Allocate = std::function<std::shared_ptr<void>(std::size_t bytes)>;

  // One item per step of the program, which must outlive this. Items that need more scratch than their step has,
  // because it was planned on another machine, get separate memory. Throws Error, with the step, unless each address
  // begins inside its port or inside the arena, and scratch lies in it.
  Executor(const weft_program& program, Thunks items, const Allocate& allocate);

  // The addresses of the arena, the inputs and the outputs. Allocates only the first time.
  void bind(std::byte* arena, void* const* inputs, void* const* outputs);
  void run() const {
    for (const Entry& entry : entries_) entry.item->run();
  }

  std::size_t size() const { return entries_.size(); }
  Thunk& item(std::size_t step) const { return *entries_[step].item; }

 private:
  struct Entry {
    const weft_step& step;
    std::unique_ptr<Thunk> item;
    bool own_scratch = false;
    std::vector<void*> pointers;  // of the addresses
  };

  std::vector<Entry> entries_;
  std::shared_ptr<void> own_scratch_;
};

}  // namespace weft::runtime
