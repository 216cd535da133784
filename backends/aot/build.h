// The files of an artefact, built with the machine's C compiler and binutils.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "backends/aot/artefact.h"

namespace weft::aot {

// What runs the steps: a library over oneDNN, plain C, or a library on a GPU; the last one emulates a GPU on the host,
// for tests.
enum class Runner : std::uint8_t { onednn, standalone, cuda, cuda_emulated };

struct BuildOptions {
  std::string compiler = "cc";  // a C compiler, such as aarch64-linux-gnu-gcc for another machine
  std::string archiver = "ar";
  Runner runner = Runner::onednn;
};

// Writes PREFIX.o, .a, .so, .h and .json, all or none; returns their paths. Throws Error if a tool is missing or fails,
// with its message.
std::vector<std::filesystem::path> build(const Artefact& artefact, const std::filesystem::path& prefix,
                                         const BuildOptions& options);

}  // namespace weft::aot
