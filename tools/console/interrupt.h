// SIGINT (Ctrl-C), SIGTERM and SIGHUP, without a signal handler. A handler would run on the stack of whichever thread
// the kernel chooses, and oneDNN's matrix products keep data below the stack pointer, beyond what the ABI protects: a
// handler overwrites it. So every thread blocks these signals, and one thread waits for them.
#pragma once

#include <signal.h>

#include <atomic>
#include <thread>

namespace weft::tools {

// Blocks the three signals in this thread and in all threads it starts, and starts the thread that waits for them.
// Construct it before any other thread exists: a thread made earlier does not inherit the mask. A signal that is
// ignored (nohup), blocked or handled already is left as it is. A signal that no StopSignals takes ends the process
// with that signal's default action. One at a time.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();  // restores this thread's mask
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  void wait() const;

  sigset_t watched_;
  sigset_t mask_before_;
  int wake_up_ = 0;  // one of the watched signals; 0 where there is none
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

// While it lives, the first watched signal requests a stop; a second one ends the process.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  const std::atomic<bool>& stop_requested() const;
  int exit_code() const;  // 128 plus the signal's number, as in shells
};

}  // namespace weft::tools
