// Shared by every pass: copies a graph op by op through a builder, with a map from old values to new ones.
//
// Copying keeps the order of ops, inputs with their roles, inits and slots, outputs with their donations, names and
// source locations. The builder interns equal ops, which merges them.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "ir/builder.h"
#include "passes/expr.h"
#include "passes/pass.h"

namespace weft::passes {

class Rewriter {
 public:
  explicit Rewriter(GraphPtr source);

  const ir::Graph& source() const { return *source_; }
  ir::Builder& builder() { return builder_; }

  // The new value for a value of the source, which must have been copied or mapped.
  Expr operator[](ir::ValueId old);
  std::vector<Expr> operator[](const std::vector<ir::ValueId>& old);
  // Replaces `old` with `now` from here on; `now` takes over the name if it has none.
  void map(ir::ValueId old, Expr now);

  void copy_input(std::uint32_t index);
  void copy_inputs();
  // Adds the op with mapped operands and the same attributes and results.
  void copy(const ir::Op& op);
  void copy(const ir::Op& op, std::vector<ir::ValueId> operands);  // with operands of the new graph
  void copy_output(const ir::Output& output);
  void copy_outputs();

  // The new graph if it differs from the source, else the source.
  GraphPtr finish();

 private:
  GraphPtr source_;
  ir::Builder builder_;
  std::vector<ir::ValueId> now_;              // by old value
  std::vector<std::uint32_t> input_indices_;  // by old input: its index in the new graph
  bool changed_ = false;
};

// The usual kind of pass: copies `graph`, and replaces an op's result by the value that `replace` returns, if any. Ops
// from `replace` take the source location of the op they replace.
using Replace = std::function<std::optional<Expr>(const ir::Op& op, Rewriter& rewriter)>;
GraphPtr rewrite(const GraphPtr& graph, const Replace& replace);

// The number that fills a constant, or nothing for other values.
std::optional<double> uniform_constant(const ir::Graph& graph, ir::ValueId value);

// For each value, the one op that uses it; kNone if it has no use, several uses, or is an output.
std::vector<ir::OpId> sole_users(const ir::Graph& graph);

}  // namespace weft::passes
