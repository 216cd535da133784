// The reference interpreter as a Program: the slowest backend, and the one the others are compared with.
#pragma once

#include <memory>

#include "ir/graph.h"
#include "runtime/program.h"

namespace weft::reference {

// Takes any static graph. Interprets, so `run` allocates; every value has memory of its own. Throws Error where a
// symbol is not bound.
std::unique_ptr<runtime::Program> make_program(ir::GraphPtr graph);

}  // namespace weft::reference
