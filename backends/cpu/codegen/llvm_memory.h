// What happens when memory runs out inside LLVM.
#pragma once

namespace weft::cpu {

// While it lives, this thread is compiling kernels. LLVM is built without exceptions: where an allocation fails in it,
// it aborts, or std::bad_alloc crosses frames that do not clean up. Instead, an allocation that fails on this thread
// ends the process with a message and exit code 1. Elsewhere operator new throws as ever.
class InLlvm {
 public:
  InLlvm();
  ~InLlvm();
  InLlvm(const InLlvm&) = delete;
  InLlvm& operator=(const InLlvm&) = delete;
};

}  // namespace weft::cpu
