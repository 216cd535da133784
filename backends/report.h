// What compiling tells besides the program it makes. Backends fill it, the driver hands it on.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "passes/pass.h"

namespace weft {

struct CompileReport {
  std::vector<std::pair<std::string, double>> seconds;  // by pass and stage, in order
  std::vector<passes::Note> notes;
  int kernels = 0;
  std::string kernels_text, llvm_text,
      asm_text;            // dumps of the stages `kernels`, `llvm`, `asm`; filled where asked for
  bool want_text = false;  // set by the caller to have them filled
};

}  // namespace weft
