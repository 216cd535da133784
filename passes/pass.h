// What a pass is: Graph -> Graph, one function. A pass that changes nothing returns the pointer it was given.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace weft::passes {

using ir::GraphPtr;

// What passes may know of the backend below them.
struct Target {
  std::vector<std::string> activations = {"relu"};  // that a contraction can apply by itself, with a bias
  std::vector<ir::OpCode> epilogues = {ir::OpCode::matmul, ir::OpCode::conv2d};  // the contractions that can
  // In blocks of how many rows to keep the products of all pairs of these rows from a loss for its gradient; 0 where it
  // is better to compute them again. Empty: always again.
  std::function<std::int64_t(const ir::Type& rows)> similarity_block;
  // The layout (ir/memory_layout.h) in which the kernel of this conv2d or conv_transpose2d is best kept. Empty where
  // the caller of the program wants its params row-major.
  std::function<std::string(const ir::Graph& graph, const ir::Op& op)> weights_layout;
  // The layouts of params by name, where they are settled: those not named are row-major.
  std::optional<std::map<std::string, std::string>> kept_layouts;
};

// A rewrite a user wants to know of, or a fusion that did not happen and why.
struct Note {
  std::string pass;
  ir::Location location;
  std::string text;
};

struct Context {
  Target target;
  bool contrastive = true;  // whether the pass of that name may do anything
  std::vector<Note> notes;  // passes append
};

struct Pass {
  std::string name;
  std::string doc;  // one line: what it does, what it needs and gives
  std::function<GraphPtr(const GraphPtr&, Context&)> run;
};

}  // namespace weft::passes
