// Other processes, by number.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <cerrno>

namespace weft::runtime {

// Whether a process with this number, other than this one, runs on this machine. It may not be the one you mean: the
// system reuses numbers.
inline bool is_other_process(pid_t process) {
  return process != ::getpid() && (::kill(process, 0) == 0 || errno != ESRCH);
}

}  // namespace weft::runtime
