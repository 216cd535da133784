// What every pass shares: copying a graph op by op through a builder, under a map from old values to new ones.
//
// Kept by copying: the order of ops, inputs with their roles, inits and slots, outputs with their donations, names and
// places. Equal ops become one on the way, by the builder's interning.
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

  // The new value for one of the source; it must have been copied or mapped.
  Expr operator[](ir::ValueId old);
  std::vector<Expr> operator[](const std::vector<ir::ValueId>& old);
  // Stands for `old` from here on; takes over its name where it has none.
  void map(ir::ValueId old, Expr now);

  void copy_input(std::uint32_t index);
  void copy_inputs();
  // Adds the op with mapped operands, and the given code's attributes and results.
  void copy(const ir::Op& op);
  void copy(const ir::Op& op, std::vector<ir::ValueId> operands);  // with these of the new graph
  void copy_output(const ir::Output& output);
  void copy_outputs();

  // A new graph when anything differs from the source, else the source.
  GraphPtr finish();

 private:
  GraphPtr source_;
  ir::Builder builder_;
  std::vector<ir::ValueId> now_;              // by old value
  std::vector<std::uint32_t> input_indices_;  // by old input: its index in the new graph
  bool changed_ = false;
};

// The commonest pass: copies `graph`, but where `replace` gives a value, that one stands for the op's result. Ops made
// by `replace` carry the place of the op they replace.
using Replace = std::function<std::optional<Expr>(const ir::Op& op, Rewriter& rewriter)>;
GraphPtr rewrite(const GraphPtr& graph, const Replace& replace);

// The number that fills a constant, or nothing for other values.
std::optional<double> uniform_constant(const ir::Graph& graph, ir::ValueId value);

// For each value the one op that uses it, or kNone where there are none or several uses, or an output.
std::vector<ir::OpId> sole_users(const ir::Graph& graph);

}  // namespace weft::passes
