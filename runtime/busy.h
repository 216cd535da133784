// Objects that serve one thread at a time: a second thread gets an error instead of wrong numbers.
#pragma once

#include <atomic>

#include "ir/error.h"

namespace weft::runtime {

// Whether a thread uses the object that holds this flag. Moving the object clears both flags.
class BusyFlag {
 public:
  BusyFlag() = default;
  BusyFlag(BusyFlag&&) noexcept {}
  BusyFlag& operator=(BusyFlag&&) noexcept { return *this; }

 private:
  friend class InUse;
  std::atomic<bool> set_{false};
};

// Holds the flag while it lives. Throws Error, which names `what`, if the flag is held already.
class InUse {
 public:
  InUse(BusyFlag& flag, const char* what) : flag_(flag) {
    if (flag_.set_.exchange(true, std::memory_order_acquire))
      fail("{} is in use by another thread; use it from one thread at a time, or make one for each thread", what);
  }
  ~InUse() { flag_.set_.store(false, std::memory_order_release); }
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;

 private:
  BusyFlag& flag_;
};

}  // namespace weft::runtime
