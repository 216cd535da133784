// The files of an artefact, by the C compiler and binutils of the machine.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "backends/artefact/artefact.h"

namespace weft::artefact {

struct BuildOptions {
  std::string compiler = "cc";  // a C compiler, such as aarch64-linux-gnu-gcc for another machine
  std::string archiver = "ar";
  bool standalone = false;  // without oneDNN
};

// Writes PREFIX.o, .a, .so, .h and .json, whole or not at all; gives their paths. Throws Error where a tool is missing
// or fails, with its message.
std::vector<std::filesystem::path> build(const Artefact& artefact, const std::filesystem::path& prefix,
                                         const BuildOptions& options);

}  // namespace weft::artefact
