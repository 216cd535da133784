// A graph compiled to an object file and steps, for another process to run.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/cpu/codegen/emit.h"
#include "backends/cpu/program/schedule.h"
#include "ir/graph.h"

namespace weft::aot {

struct CpuOptions {
  std::string prefix = {};     // prefix of the kernels' symbols
  std::string cpu = "native";  // see cpu::find_target (emit.h)
  std::string triple = {};     // likewise
  bool winograd = true;        // see onednn.h
  Contractions contractions = Contractions::automatic;
  bool standalone = false;  // refuses what needs oneDNN
};

struct CpuProgram {
  ir::GraphPtr graph;
  std::unique_ptr<cpu::Schedule> schedule;  // placed
  std::vector<cpu::KernelFacts> kernels;
  std::vector<char> object;  // ELF, position independent
};

// `graph` must have been lowered by the passes. Throws Error for an op that only the reference interpreter can run and,
// with `standalone`, for an op that needs oneDNN.
CpuProgram compile_for_cpu(ir::GraphPtr graph, const CpuOptions& options);

}  // namespace weft::aot
