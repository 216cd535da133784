// How the kernels of a graph's convolutions lie in memory, by the layouts of its inputs and slots (weight_layout.cpp).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace weft::passes {

class KeptLayouts {
 public:
  // `graph` must outlive it.
  explicit KeptLayouts(const ir::Graph& graph);

  // Of the operand of conv2d and conv_transpose2d that is a kernel, or of the result of conv2d_weight_grad.
  std::string of_weights(const ir::Op& op) const;
  // Inputs that lie otherwise than row-major and that not only convolutions read: they are read from a copy.
  const std::vector<std::uint32_t>& relaid() const { return relaid_; }

 private:
  std::string of_gradient(ir::ValueId gradient) const;
  std::string of_place(const ir::Type& vector, std::int64_t offset, const ir::Type& type) const;

  const ir::Graph& graph_;
  std::vector<std::uint32_t> relaid_;
};

// The one operand of a fused op that makes the value of it element by element, in another dtype: the value lies as the
// operand does. kNone for other values.
ir::ValueId cast_source(const ir::Graph& graph, ir::ValueId value);

}  // namespace weft::passes
