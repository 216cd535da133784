// The two kinds of failure. `Error`: the user made a mistake (shapes, files, flags, IR text); the message says what,
// where and what to do. `InternalError`: Weft is wrong; the message asks for a report. Weft throws no other exceptions.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace weft {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

// Throws Error with a formatted message.
template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

// Throws InternalError unless `condition` holds. Use it for conditions that no input can violate.
inline void check(bool condition, const char* what) {
  if (!condition)
    throw InternalError(fmt::format("internal error: {} (this is a bug in Weft, please report it)", what));
}

}  // namespace weft
