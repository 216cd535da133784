// What the system says of this machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weft::tools {

struct Machine {
  std::string processor;              // "AMD EPYC 9B14"; empty where unknown
  int cores = 0;                      // that this process may use
  std::vector<std::string> features;  // of those that Weft looks at: avx2, fma, avx512f, ...
  std::int64_t memory_bytes = 0;
  std::string huge_pages;  // always, madvise, never; empty where unknown
};
Machine describe_machine();

// The choice in brackets of a file of the system: "madvise" of "always [madvise] never".
std::string chosen(const std::string& text);

}  // namespace weft::tools
