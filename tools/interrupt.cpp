// Signal handlers that set a flag.
#include "tools/interrupt.h"

#include <signal.h>

namespace weft::tools {

namespace {

std::atomic<bool> requested{false};
std::atomic<int> received{0};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free,
              "a signal handler takes no lock");

void handle(int number) {
  received = number;
  requested = true;
}

void set_handlers(void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  for (const int number : {SIGINT, SIGTERM}) sigaction(number, &action, nullptr);
}

}  // namespace

StopSignals::StopSignals() {
  requested = false;
  set_handlers(handle, SA_RESTART | static_cast<int>(SA_RESETHAND));
}

StopSignals::~StopSignals() { set_handlers(SIG_DFL, 0); }

const std::atomic<bool>& StopSignals::stop_requested() const { return requested; }

int StopSignals::exit_code() const { return 128 + received; }

}  // namespace weft::tools
