// Other processes, by their numbers.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <cerrno>

namespace weft::runtime {

// Whether a process of this number, which is not this one, runs on this machine. It may be another one than the process
// that is meant: numbers are used again.
inline bool is_other_process(pid_t process) {
  return process != ::getpid() && (::kill(process, 0) == 0 || errno != ESRCH);
}

}  // namespace weft::runtime
