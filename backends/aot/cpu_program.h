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
  std::string prefix = {};     // of the kernels' symbols
  std::string cpu = "native";  // see cpu::find_target (emit.h)
  std::string triple = {};     // too
  bool winograd = true;        // see onednn.h
  bool standalone = false;     // see schedule.h
};

struct CpuProgram {
  ir::GraphPtr graph;
  std::unique_ptr<cpu::Schedule> schedule;  // placed
  std::vector<cpu::KernelFacts> kernels;
  std::vector<char> object;  // ELF, position independent
};

// `graph` is one that passes have lowered. Throws Error for an op that only the reference interpreter can run, and
// where it is to stand alone for one that needs oneDNN.
CpuProgram compile_for_cpu(ir::GraphPtr graph, const CpuOptions& options);

}  // namespace weft::aot
