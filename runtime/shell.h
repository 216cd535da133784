// Commands that Weft runs: compilers and archivers.
#pragma once

#include <string>

namespace weft::runtime {

// Runs `command` in /bin/sh and waits for it; true if it exits with 0. Unlike with std::system, Ctrl-C, SIGTERM and
// SIGHUP stop the command although Weft's threads block them (tools/console/interrupt.h), and this process keeps its
// own dispositions meanwhile. Throws Error if no process can be started.
bool run_shell(const std::string& command);

}  // namespace weft::runtime
