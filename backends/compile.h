// The driver: a graph becomes a running program. The only place that knows passes and backends both.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backends/report.h"
#include "ir/graph.h"
#include "runtime/program.h"

namespace weft {

struct CompileOptions {
  std::string backend = "cpu";  // "cpu" or "reference"
  ir::Bindings bind;            // a number for every symbol of the graph
  int threads = 0;              // 0: all cores
  bool winograd = true;         // convolutions by Winograd's products where that is faster: other roundings
  // Layouts in memory of kernels of convolutions (ir/memory_layout.h). Where they are chosen, the ports of the program
  // tell them, and its caller keeps the memory so; else they are those given by the param's name. Otherwise row-major.
  bool choose_layouts = false;
  std::map<std::string, std::string> layouts;
  // Called with each stage's name and graph as it is reached: "graph" (as given), then each pass by name.
  std::function<void(const std::string& stage, const ir::GraphPtr&)> observe;
};

// Those this build has, the best first.
std::vector<std::string> backend_names();
// The libraries below them, as found when this was built: "LLVM 19.1.7", "oneDNN 2.6.3".
std::vector<std::string> backend_libraries();

// What `compile` hands to the backend "cpu": the graph bound, verified and through the passes, with fused ops.
ir::GraphPtr lowered(const ir::GraphPtr& graph, const CompileOptions& options, CompileReport* report = nullptr);

// Compiles a graph (of any stage before `plan`: forward, or a training step after passes::update). Throws Error for a
// symbol that is not bound, and for a backend that this build lacks.
std::unique_ptr<runtime::Program> compile(const ir::GraphPtr& graph, const CompileOptions& options,
                                          CompileReport* report = nullptr);

}  // namespace weft
