// Replaces LLVM's and operator new's out-of-memory handlers once.
#include "backends/cpu/codegen/llvm_memory.h"

#include <llvm/Support/ErrorHandling.h>
#include <unistd.h>

#include <atomic>
#include <new>

namespace weft::cpu {

namespace {

thread_local int nested_calls = 0;
std::atomic<std::new_handler> handler_before{nullptr};

[[noreturn]] void end_process() {
  constexpr char text[] =
      "weft: error: not enough memory to compile the kernels; try a smaller model or fewer threads\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
  _exit(1);
}

void out_of_memory() {
  if (nested_calls > 0) end_process();
  if (const std::new_handler before = handler_before) return before();
  throw std::bad_alloc();
}

}  // namespace

InLlvm::InLlvm() {
  [[maybe_unused]] static const bool installed = [] {
    llvm::install_bad_alloc_error_handler([](void*, const char*, bool) { end_process(); });
    handler_before = std::set_new_handler(out_of_memory);
    return true;
  }();
  ++nested_calls;
}

InLlvm::~InLlvm() { --nested_calls; }

}  // namespace weft::cpu
