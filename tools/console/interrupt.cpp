// One thread receives the signals; training polls a flag.
#include "tools/console/interrupt.h"

#include <pthread.h>
#include <unistd.h>

namespace weft::tools {

namespace {

std::atomic<bool> takes_stop{false};  // a StopSignals exists and has received no signal yet
std::atomic<bool> requested{false};
std::atomic<int> received{0};

// Whether the signal would terminate this process.
bool ends_process(int number, const sigset_t& blocked) {
  struct sigaction action {};
  sigaction(number, nullptr, &action);
  return action.sa_handler == SIG_DFL && sigismember(&blocked, number) == 0;
}

// Raises the signal's default action, so that a shell sees which signal ended the process.
[[noreturn]] void end_process(int number) {
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, number);
  pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  raise(number);
  _exit(128 + number);  // PID 1 of a container has no default action
}

}  // namespace

SignalWatch::SignalWatch() {
  pthread_sigmask(SIG_BLOCK, nullptr, &mask_before_);
  sigemptyset(&watched_);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    if (!ends_process(number, mask_before_)) continue;
    sigaddset(&watched_, number);
    wake_up_ = number;
  }
  if (wake_up_ == 0) return;
  pthread_sigmask(SIG_BLOCK, &watched_, nullptr);
  thread_ = std::thread([this] { wait(); });
}

SignalWatch::~SignalWatch() {
  if (!thread_.joinable()) return;
  ending_ = true;
  pthread_kill(thread_.native_handle(), wake_up_);
  thread_.join();
  pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

void SignalWatch::wait() const {
  for (;;) {
    int number = 0;
    if (sigwait(&watched_, &number) != 0) continue;
    if (ending_) return;
    if (!takes_stop.exchange(false)) end_process(number);
    received = number;
    requested = true;
  }
}

StopSignals::StopSignals() {
  requested = false;
  takes_stop = true;
}

StopSignals::~StopSignals() { takes_stop = false; }

const std::atomic<bool>& StopSignals::stop_requested() const { return requested; }

int StopSignals::exit_code() const { return 128 + received; }

}  // namespace weft::tools
