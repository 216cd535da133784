#include "tests/support/failing_allocations.h"

#include <execinfo.h>
#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

namespace weft::test {

bool can_fail_allocations() { return false; }
long fail_allocation(long, const std::function<void()>& work) {
  work();
  return 0;
}

}  // namespace weft::test

#else

namespace {

std::atomic<bool> armed{false};
std::atomic<long> seen{0};
long fails_at = 0;

void trace(int number) {
  void* frames[40];
  backtrace_symbols_fd(frames, backtrace(frames, 40), 2);
  if (number != 0) _exit(99);
  for (const int crash : {SIGSEGV, SIGABRT}) signal(crash, trace);
}

bool fails() {
  if (!armed || ++seen != fails_at) return false;
  armed = false;
  if (std::getenv("WEFT_FAULT_TRACE")) trace(0);  // shows the caller, and where the crash happens
  errno = ENOMEM;
  return true;
}

}  // namespace

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t bytes) { return fails() ? nullptr : __libc_malloc(bytes); }
void* calloc(std::size_t count, std::size_t bytes) { return fails() ? nullptr : __libc_calloc(count, bytes); }
void* realloc(void* old, std::size_t bytes) { return fails() ? nullptr : __libc_realloc(old, bytes); }
void* memalign(std::size_t border, std::size_t bytes) { return fails() ? nullptr : __libc_memalign(border, bytes); }
void* aligned_alloc(std::size_t border, std::size_t bytes) { return memalign(border, bytes); }
int posix_memalign(void** memory, std::size_t border, std::size_t bytes) {
  void* const made = memalign(border, bytes);
  if (!made) return ENOMEM;
  *memory = made;
  return 0;
}
}

namespace weft::test {

bool can_fail_allocations() { return true; }

long fail_allocation(long which, const std::function<void()>& work) {
  struct Disarm {
    ~Disarm() { armed = false; }
  } disarm;
  seen = 0;
  fails_at = which;
  armed = true;
  work();
  return seen;
}

}  // namespace weft::test

#endif
