// Measures this machine's peak: multiply-adds in registers, and memory bandwidth.
#pragma once

#include <string>

namespace weft::tools {

struct Peak {
  int threads = 0;
  double gflops = 0;        // f32; a multiply-add counts as two
  double bandwidth = 0;     // GB/s of a triad, a = b + s * c, that bypasses caches
  std::string instruction;  // used to measure gflops, such as "512-bit fma"
};

// Takes about half a second; takes the best of several short bursts, because other programs may use the machine.
Peak measure_peak(int threads);

}  // namespace weft::tools
