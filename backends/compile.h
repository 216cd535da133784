// The driver: a graph becomes a running program. It finds backends in the registry (backend.h); only `cuda_source` and
// messages name one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/options.h"
#include "backends/report.h"
#include "ir/graph.h"
#include "runtime/memory.h"
#include "runtime/program.h"

namespace weft {

// The backends that run when none is named, best first. `cuda` is one of them in a build without `cpu`, on a machine
// that has what it needs.
std::vector<std::string> backend_names();
// All that can be named: also `cuda`, whether or not this machine has a GPU, and `cuda-emulated`, a slow check of
// `cuda` without one.
std::vector<std::string> backend_choices();
// The libraries that this build found: "LLVM 19.1.7", "oneDNN 2.6.3".
std::vector<std::string> backend_libraries();

bool has_precision(const std::string& backend, Precision precision);

// The memory in which a backend's programs have their ports. Throws Error where the backend's device cannot be used.
std::shared_ptr<runtime::Memory> memory_of(const std::string& backend);

// What a backend needs of the machine, and whether it is there; empty where it needs nothing or is not built in.
std::vector<Finding> find_needs(const std::string& backend);

// What `compile` hands to the backend: the graph bound, verified and through its passes, with fused ops.
ir::GraphPtr lowered(const ir::GraphPtr& graph, const CompileOptions& options, CompileReport* report = nullptr);

// Compiles a graph (of any stage before `plan`: forward, or a training step after passes::update). Throws Error for a
// symbol that is not bound, for a backend that this build lacks, and for options that the backend does not have.
std::unique_ptr<runtime::Program> compile(const ir::GraphPtr& graph, const CompileOptions& options,
                                          CompileReport* report = nullptr);

// The kernels of a graph as a file that a compiler takes: of the backend cuda, one that nvcc compiles; no GPU is
// needed. Throws Error for a backend whose kernels have no source.
std::string kernel_source(const ir::GraphPtr& graph, const CompileOptions& options);

}  // namespace weft
