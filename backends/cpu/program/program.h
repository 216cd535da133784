// A graph as a flat list of generated kernels and library primitives over one arena.
#pragma once

#include <memory>
#include <string>

#include "backends/cpu/program/schedule.h"
#include "backends/report.h"
#include "ir/graph.h"
#include "passes/pass.h"
#include "runtime/program.h"

namespace weft::cpu {

// What the passes may know of this backend.
passes::Target target();

// `graph` has static dims, and fuse and copies have run. `threads` > 0.
std::unique_ptr<runtime::Program> make_program(ir::GraphPtr graph, int threads, const ScheduleOptions& options,
                                               CompileReport& report);

}  // namespace weft::cpu
