// The command line of Weft for your own program: #include <weft/main.h>.
#pragma once

#include "frontend/model.h"

namespace weft {

// Runs any `weft` command for the built-in models and for `own`, which is the default model. Returns the exit code: 0
// for success; 1 for user errors; 2 for a wrong command line; 70 for a bug in Weft; 130, 143 or 129 if Ctrl-C, SIGTERM
// or SIGHUP stopped training.
//
// Call it before the program starts threads: it blocks SIGINT, SIGTERM and SIGHUP in the calling thread and in all
// threads that it starts, and one thread waits for them. Earlier threads do not block them; a signal that reaches one
// ends the process at once.
int main(int argc, char** argv, const Model& own);
int main(int argc, char** argv);

}  // namespace weft
