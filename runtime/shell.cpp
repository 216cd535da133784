// Runs a child process with its own signal mask.
#include "runtime/shell.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "ir/error.h"

namespace weft::runtime {

namespace {

// Signal state for the child, without the signals that Weft handles in a separate thread.
class Attributes {
 public:
  Attributes() {
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigdelset(&mask, number);
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setsigmask(&attributes_, &mask);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK);
  }
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;

  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

}  // namespace

bool run_shell(const std::string& command) {
  std::string shell = "sh", flag = "-c", text = command;
  char* const words[] = {shell.data(), flag.data(), text.data(), nullptr};
  pid_t child = 0;
  const int error = posix_spawn(&child, "/bin/sh", nullptr, Attributes().get(), words, environ);
  if (error != 0) fail("cannot start /bin/sh: {}", std::strerror(error));
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) fail("cannot wait for /bin/sh: {}", std::strerror(errno));
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace weft::runtime
