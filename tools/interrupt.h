// Ctrl-C and SIGTERM as a wish to stop, not an end: long work looks at `stop_requested` and ends in good order.
#pragma once

#include <atomic>

namespace weft::tools {

// While it lives, the first SIGINT or SIGTERM sets the wish; a second one ends the process as without it.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  const std::atomic<bool>& stop_requested() const;
  int exit_code() const;  // 128 and the signal's number, as shells have it
};

}  // namespace weft::tools
