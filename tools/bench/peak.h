// What this machine can do at most, measured: multiply-adds from registers, and bytes to and from memory.
#pragma once

#include <string>

namespace weft::tools {

struct Peak {
  int threads = 0;
  double gflops = 0;        // f32, a multiply-add counted as two
  double bandwidth = 0;     // GB/s of a triad, a = b + s * c, past all caches
  std::string instruction;  // what the first was measured with: "512-bit fma"
};

// Takes about half a second; each figure is the best of several short bursts, for others may use the machine.
Peak measure_peak(int threads);

}  // namespace weft::tools
