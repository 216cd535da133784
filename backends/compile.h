// The driver: compiles a graph to a running program. It finds backends in the registry (backend.h); only `cuda_source`
// and messages name one.
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

// The default backends, best first. `cuda` is one of them in a build without `cpu`, on a machine that can run it.
std::vector<std::string> backend_names();
// All backends that options can name. They include `cuda`, with or without a GPU, and `cuda-emulated`, a slow check of
// `cuda` without a GPU.
std::vector<std::string> backend_choices();
// The libraries that this build found: "LLVM 19.1.7", "oneDNN 2.6.3".
std::vector<std::string> backend_libraries();

bool has_precision(const std::string& backend, Precision precision);

// The memory of a backend's ports. Throws Error if the backend's device cannot be used.
std::shared_ptr<runtime::Memory> memory_of(const std::string& backend);

// What a backend needs from the machine, and whether the machine has it; empty if it needs nothing or is not built in.
std::vector<Finding> find_needs(const std::string& backend);

// The graph that `compile` passes to the backend: bound, verified and through its passes, with fused ops.
ir::GraphPtr lowered(const ir::GraphPtr& graph, const CompileOptions& options, CompileReport* report = nullptr);

// Compiles a graph (of any stage before `plan`: forward, or a training step after passes::update). Throws Error for an
// unbound symbol, for a backend that this build lacks, and for options that the backend does not support.
std::unique_ptr<runtime::Program> compile(const ir::GraphPtr& graph, const CompileOptions& options,
                                          CompileReport* report = nullptr);

// The kernels of a graph as one source file: for the backend cuda, one that nvcc compiles, without a GPU. Throws Error
// for a backend whose kernels have no source.
std::string kernel_source(const ir::GraphPtr& graph, const CompileOptions& options);

}  // namespace weft
