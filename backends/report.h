// Facts that compiling reports besides the program. Backends fill it; the driver passes it on.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "passes/pass.h"
#include "runtime/clock.h"

namespace weft {

struct CompileReport {
  std::vector<std::pair<std::string, double>> seconds;  // by pass and stage, in order
  std::vector<passes::Note> notes;
  int kernels = 0;
  // Dumps of the stages `program`, `kernels`, `llvm`, `asm`; filled on request.
  std::string program_text, kernels_text, llvm_text, asm_text;
  bool want_text = false;  // the caller sets it to request the dumps
};

// The availability of something that a backend needs: a library, a device.
struct Finding {
  std::string what;  // "CUDA driver"
  bool found = false;
  std::string text;    // its version and path, or why it cannot be used
  std::string advice;  // what to do if it is missing
};

}  // namespace weft
