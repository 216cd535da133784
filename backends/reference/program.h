// The reference interpreter as a Program: the slowest backend, and the baseline for testing the others.
#pragma once

#include <memory>

#include "ir/graph.h"
#include "runtime/program.h"

namespace weft::reference {

// Takes any static graph. Interprets, so `run` allocates; every value has separate memory. Throws Error if a symbol is
// not bound.
std::unique_ptr<runtime::Program> make_program(ir::GraphPtr graph);

}  // namespace weft::reference
