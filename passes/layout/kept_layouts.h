// How the kernels of a graph's convolutions lie in memory, by the layouts of its inputs and slots (weight_layout.cpp).
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
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

  void find_relaid();

  const ir::Graph& graph_;
  std::vector<std::uint32_t> relaid_;                        // ascending
  std::unordered_map<ir::ValueId, std::uint32_t> input_of_;  // by value: its index
  // By a part of a pack, or what a part is a cast of: the pack and the offset in it.
  std::unordered_map<ir::ValueId, std::pair<ir::ValueId, std::int64_t>> packed_;
  std::unordered_map<std::int64_t, std::vector<std::pair<const ir::Input*, const ir::Slot*>>> slots_at_;  // by offset
};

// The one operand of a fused op that makes the value of it element by element, in another dtype: the value lies as the
// operand does. kNone for other values.
ir::ValueId cast_source(const ir::Graph& graph, ir::ValueId value);

}  // namespace weft::passes
