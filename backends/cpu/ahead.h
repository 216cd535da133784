// A graph compiled to an object file and steps, for another process to run.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/cpu/emit.h"
#include "backends/cpu/recipe.h"
#include "ir/graph.h"

namespace weft::cpu {

struct AheadOptions {
  std::string prefix = {};     // of the kernels' symbols
  std::string cpu = "native";  // see find_target (emit.h)
  std::string triple = {};     // too
  bool winograd = true;        // see library.h
  bool standalone = false;     // see recipe.h
};

struct AheadProgram {
  ir::GraphPtr graph;
  std::unique_ptr<Recipe> recipe;  // placed
  std::vector<KernelFacts> kernels;
  std::vector<char> object;  // ELF, position independent
};

// `graph` is one that passes have lowered. Throws Error for an op that only the reference interpreter can run, and
// where it is to stand alone for one that needs oneDNN.
AheadProgram compile_ahead(ir::GraphPtr graph, const AheadOptions& options);

}  // namespace weft::cpu
