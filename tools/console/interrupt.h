// SIGINT (Ctrl-C), SIGTERM and SIGHUP without a signal handler. A handler would run on the stack of any thread, and
// oneDNN's matmuls keep data below the stack pointer, beyond the red zone of the ABI: the handler would overwrite it.
// So every thread blocks these signals, and one thread waits for them.
#pragma once

#include <signal.h>

#include <atomic>
#include <thread>

namespace weft::tools {

// Blocks the three signals in this thread and in all threads it starts, and starts the thread that waits for them.
// Construct it before any other thread exists: earlier threads do not inherit the mask. It leaves signals alone that
// are ignored (nohup), blocked or handled already. If no StopSignals exists, a signal ends the process by its default
// action. Only one instance may exist.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();  // restores the mask of this thread
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  void wait() const;

  sigset_t watched_;
  sigset_t mask_before_;
  int wake_up_ = 0;  // one of the watched signals; 0 if there is none
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

// While an instance exists, the first watched signal requests a stop and the second ends the process.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  const std::atomic<bool>& stop_requested() const;
  int exit_code() const;  // 128 plus the signal number, as in shells
};

}  // namespace weft::tools
