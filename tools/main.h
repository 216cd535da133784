// The command line of Weft, for a program of one's own: #include <weft/main.h>.
#pragma once

#include "frontend/model.h"

namespace weft {

// Every command of `weft` for the models that come with Weft and for `own`, which commands take where no model is
// named. Returns the exit code: 0; 1 an error of the user's; 2 a wrong command line; 70 a bug of Weft's; 130, 143 or
// 129 where training was stopped by Ctrl-C, SIGTERM or SIGHUP.
//
// Call it before the program starts threads: SIGINT, SIGTERM and SIGHUP are blocked in the calling thread and in all
// threads that it starts, and one thread waits for them. Threads made earlier do not block them; a signal that reaches
// one ends the process at once.
int main(int argc, char** argv, const Model& own);
int main(int argc, char** argv);

}  // namespace weft
