// The memory layouts of convolution kernels, from the layouts of inputs and slots (weight_layout.cpp).
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

  // The layout of the kernel operand of conv2d and conv_transpose2d, or of the result of conv2d_weight_grad.
  std::string of_weights(const ir::Op& op) const;
  // Inputs that are not row-major and that other ops than convolutions read: those ops read a copy.
  const std::vector<std::uint32_t>& relaid() const { return relaid_; }

 private:
  std::string of_gradient(ir::ValueId gradient) const;
  std::string of_place(const ir::Type& vector, std::int64_t offset, const ir::Type& type) const;

  void find_relaid();

  const ir::Graph& graph_;
  std::vector<std::uint32_t> relaid_;                        // ascending
  std::unordered_map<ir::ValueId, std::uint32_t> input_of_;  // by value: its index
  // By a part of a pack, or the source of a part that is a cast: the pack and its offset in it.
  std::unordered_map<ir::ValueId, std::pair<ir::ValueId, std::int64_t>> packed_;
  std::unordered_map<std::int64_t, std::vector<std::pair<const ir::Input*, const ir::Slot*>>> slots_at_;  // by offset
};

// The single operand that a fused op casts element by element to the value, which has the operand's layout. kNone for
// other values.
ir::ValueId cast_source(const ir::Graph& graph, ir::ValueId value);

}  // namespace weft::passes
