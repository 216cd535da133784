// A graph as a list of generated kernels and oneDNN primitives over one arena.
#pragma once

#include <memory>
#include <string>

#include "backends/cpu/program/schedule.h"
#include "backends/report.h"
#include "ir/graph.h"
#include "passes/pass.h"
#include "runtime/program.h"

namespace weft::cpu {

// Facts about this backend for the passes.
passes::Target target(const ScheduleOptions& options = {});

// `graph` has static dims and has been through fuse and copies. `threads` > 0.
std::unique_ptr<runtime::Program> make_program(ir::GraphPtr graph, int threads, const ScheduleOptions& options,
                                               CompileReport& report);

}  // namespace weft::cpu
