// The text form of a graph; docs/reference/ir.md describes it. parse(print(g)) equals g.
#pragma once

#include <string>

#include "ir/graph.h"

namespace weft::ir {

std::string print(const Graph& graph);
std::string print(const Module& module);  // with the version line

}  // namespace weft::ir
