// A graph as a flat list of generated kernels and library calls over one arena on a device, recorded once and replayed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/cuda/device/device.h"
#include "backends/report.h"
#include "ir/graph.h"
#include "passes/pass.h"
#include "runtime/memory.h"
#include "runtime/program.h"

namespace weft::cuda {

// Facts about this backend for the passes.
passes::Target target();

// A device's memory, as programs and their users see it.
std::shared_ptr<runtime::Memory> memory_of(std::shared_ptr<Device> device);

// `graph` has static dims and has been through the passes for `target`. The program's `space` is `space`, of the same
// device. `tf32`: library calls may round their operands to TF32 (device.h). Throws Error, with op and line, for an op
// that this backend has no code for.
std::unique_ptr<runtime::Program> make_program(ir::GraphPtr graph, std::shared_ptr<Device> device,
                                               std::shared_ptr<runtime::Memory> space, bool tf32,
                                               CompileReport& report);

// All kernels of such a graph as one translation unit for nvcc. Needs no device.
std::string source_of(const ir::Graph& graph);

}  // namespace weft::cuda
