// The driver: a graph becomes a running program. The only place that knows passes and backends both.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backends/report.h"
#include "ir/graph.h"
#include "runtime/memory.h"
#include "runtime/program.h"

namespace weft {

// How products and convolutions multiply. f32 loses nothing; the others, for tensor cores, round operands to 10 (tf32)
// or 7 (bf16) bits behind the leading one and sum in f32. The result of a convolution of bf16 is rounded to it too.
enum class Precision : std::uint8_t { f32, tf32, bf16 };
std::string_view name(Precision precision);
Precision parse_precision(std::string_view text);  // Error with the near names where there is none
std::vector<std::string> precision_names();

struct CompileOptions {
  std::string backend = "cpu";           // one of backend_choices()
  ir::Bindings bind;                     // a number for every symbol of the graph
  int threads = 0;                       // 0: all cores
  bool winograd = true;                  // convolutions by Winograd's products where that is faster: other roundings
  Precision precision = Precision::f32;  // one that has_precision(backend, ..)
  // The cpu backend alone: products and convolutions as generated kernels, as in a standalone artefact. What is left to
  // oneDNN is the streaming similarity.
  bool standalone = false;
  // Layouts in memory of kernels of convolutions (ir/memory_layout.h). Where they are chosen, the ports of the program
  // tell them, and its caller keeps the memory so; else they are those given by the param's name. Otherwise, and
  // standalone, row-major.
  bool choose_layouts = false;
  std::map<std::string, std::string> layouts;
  // Called with each stage's name and graph as it is reached: "graph" (as given), then each pass by name.
  std::function<void(const std::string& stage, const ir::GraphPtr&)> observe;
};

// Those that run where nothing else is said, the best first. A build with cpu leaves cuda to be asked for; one without
// has it here where this machine has what it needs.
std::vector<std::string> backend_names();
// Those that may be asked for: also cuda, whether this machine has a GPU or not, and cuda-emulated, the check of cuda
// without a GPU, which is slow.
std::vector<std::string> backend_choices();
// The libraries below them, as found when this was built: "LLVM 19.1.7", "oneDNN 2.6.3".
std::vector<std::string> backend_libraries();

bool has_precision(const std::string& backend, Precision precision);

// Where a backend's programs have their ports: `space` of each of them. Throws Error where the backend's device can not
// be used.
std::shared_ptr<runtime::Memory> memory_of(const std::string& backend);

// What the backend cuda needs, and whether this machine has it; empty where this build lacks that backend.
std::vector<Finding> find_gpu();

// What `compile` hands to the backend: the graph bound, verified and through its passes, with fused ops.
ir::GraphPtr lowered(const ir::GraphPtr& graph, const CompileOptions& options, CompileReport* report = nullptr);

// Compiles a graph (of any stage before `plan`: forward, or a training step after passes::update). Throws Error for a
// symbol that is not bound, for a backend that this build lacks, and for options that the backend has not.
std::unique_ptr<runtime::Program> compile(const ir::GraphPtr& graph, const CompileOptions& options,
                                          CompileReport* report = nullptr);

// The kernels that the backend cuda makes of a graph, as a file that nvcc compiles. Needs neither a GPU nor CUDA.
std::string cuda_source(const ir::GraphPtr& graph, CompileOptions options);

}  // namespace weft
