// What compiling tells besides the program it makes. Backends fill it, the driver hands it on.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "passes/pass.h"

namespace weft {

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The upper one of an even number; of none it is an error to ask.
inline double median_of(std::vector<double> values) {
  const auto middle = values.begin() + std::ptrdiff_t(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct CompileReport {
  std::vector<std::pair<std::string, double>> seconds;  // by pass and stage, in order
  std::vector<passes::Note> notes;
  int kernels = 0;
  std::string kernels_text, llvm_text,
      asm_text;            // dumps of the stages `kernels`, `llvm`, `asm`; filled where asked for
  bool want_text = false;  // set by the caller to have them filled
};

// What this machine has of what a backend needs: a library, a device.
struct Finding {
  std::string what;  // "CUDA driver"
  bool found = false;
  std::string text;    // its version and where it is, or why it can not be used
  std::string advice;  // what to do where it is missing
};

}  // namespace weft
