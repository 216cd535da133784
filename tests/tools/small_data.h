// What tests of the program `weft` train on.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "tests/support/idx_data.h"
#include "tests/support/temp_folder.h"

namespace weft::test {

// What every case finds in its folder.
inline void write_data(const TempFolder& folder) {
  write_idx_folder(folder, "data", 8, 40, 12);
  write_idx_folder(folder, "wide", 10, 40, 12);
}

inline constexpr const char* small_model = "vae --data data --hidden 6 --latent 2 --batch 4 --threads 2 ";

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace weft::test
