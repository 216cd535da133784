// Handles memory exhaustion inside LLVM.
#pragma once

namespace weft::cpu {

// While it lives, this thread is compiling kernels. LLVM is built without exceptions: a failed allocation aborts, or
// throws std::bad_alloc through frames that do not clean up. With this guard, it ends the process with a message and
// exit code 1. On other threads operator new throws as usual.
class InLlvm {
 public:
  InLlvm();
  ~InLlvm();
  InLlvm(const InLlvm&) = delete;
  InLlvm& operator=(const InLlvm&) = delete;
};

}  // namespace weft::cpu
