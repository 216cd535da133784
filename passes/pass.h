// A pass is one function Graph -> Graph. A pass that changes nothing returns the pointer it was given.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace weft::passes {

using ir::GraphPtr;

// The properties of a backend that passes may depend on.
struct Target {
  std::vector<std::string> activations = {"relu"};  // that a contraction can apply, with a bias
  std::vector<ir::OpCode> epilogues = {ir::OpCode::matmul, ir::OpCode::conv2d};  // the contractions that can
  // Block size in rows for keeping the products of all pairs of these rows from a loss for its gradient; 0 to recompute
  // them. Empty: always recompute.
  std::function<std::int64_t(const ir::Type& rows)> similarity_block;
  // The preferred layout (ir/memory_layout.h) of the kernel of this conv2d or conv_transpose2d. Empty if the program's
  // caller wants row-major params.
  std::function<std::string(const ir::Graph& graph, const ir::Op& op)> weights_layout;
  // The fixed layouts of params by name; all others are row-major.
  std::optional<std::map<std::string, std::string>> kept_layouts;
};

// A rewrite to report to the user, or why a fusion did not happen.
struct Note {
  std::string pass;
  ir::Location location;
  std::string text;
};

struct Context {
  Target target;
  bool contrastive = true;  // whether pass contrastive is enabled
  std::vector<Note> notes;  // passes append
};

struct Pass {
  std::string name;
  std::string doc;  // one line: what it does, needs and gives
  std::function<GraphPtr(const GraphPtr&, Context&)> run;
};

}  // namespace weft::passes
