// What the driver knows about a backend. To add a backend, add a folder with a function for its row, and a line in
// CMakeLists.txt that adds the row to backends.def; `compile` names no backend.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backends/options.h"
#include "backends/report.h"
#include "ir/graph.h"
#include "passes/pass.h"
#include "runtime/memory.h"
#include "runtime/program.h"

namespace weft {

struct Backend {
  // Whether it is a default: always; only if no backend above it in the table can run; never.
  enum class Default : std::uint8_t { always, if_first, never };

  std::string name;
  Default by_default = Default::never;
  std::vector<Precision> precisions = {Precision::f32};
  bool generates_contractions = false;      // whether it supports Contractions::generated
  std::vector<std::string> libraries = {};  // with the versions that this build found
  // Facts for the passes. Empty: it takes the bound graph without passes.
  std::function<passes::Target(const CompileOptions&)> target = {};
  std::function<std::shared_ptr<runtime::Memory>()> memory = runtime::host_memory;
  // What it needs from the machine. Empty: nothing.
  std::function<std::vector<Finding>()> needs = {};
  // Makes a program of a graph with static dims that has been through the passes for `target`. Throws Error, with op
  // and line, for an op that it has no code for.
  std::function<std::unique_ptr<runtime::Program>(ir::GraphPtr, const CompileOptions&, CompileReport&)> compile = {};
  // The kernels of such a graph as one source file. Empty: its kernels have no source.
  std::function<std::string(const ir::Graph&)> source = {};
};

// The backends of this build, best first.
const std::vector<Backend>& backends();
const Backend* find_backend(const std::string& name);  // nullptr if this build lacks it

}  // namespace weft
