// Properties of this machine, from the operating system.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weft::tools {

struct Machine {
  std::string processor;              // such as "AMD EPYC 9B14"; empty if unknown
  int cores = 0;                      // available to this process
  std::vector<std::string> features;  // those that Weft uses: avx2, fma, avx512f, ...
  std::int64_t memory_bytes = 0;
  std::string huge_pages;  // always, madvise, never; empty if unknown
};
Machine describe_machine();

// The bracketed choice in a system file: "madvise" for "always [madvise] never".
std::string chosen(const std::string& text);

}  // namespace weft::tools
