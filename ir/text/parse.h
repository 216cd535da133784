// Reads the text form (ir/text/print.h). Every mistake is one Error: "file:line:column: what, and the two facts that
// disagree".
#pragma once

#include <string>
#include <string_view>

#include "ir/graph.h"

namespace weft::ir {

Module parse(std::string_view text, const std::string& file);
// Reads text that holds exactly one graph.
Graph parse_graph(std::string_view text, const std::string& file);

}  // namespace weft::ir
