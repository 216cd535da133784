// Pooling whose windows overlap, are padded or leave a rest: loops over channels-last images. (Windows that tile the
// image are reductions inside kernels: passes/layout.cpp.)
#pragma once

#include <array>
#include <cstdint>

#include "backends/cpu/item.h"
#include "ir/graph.h"

namespace weft::cpu {

// f32 in nhwc.
bool is_pooling_item(const ir::Graph& graph, const ir::Op& op);

class PoolingItem final : public Item {
 public:
  PoolingItem(const ir::Graph& graph, const ir::Op& op, int threads);
  void bind(const std::vector<void*>& pointers, void* scratch) override;
  void run() override;  // each image on one thread: the same bits for any number of threads
  std::string kind() const override { return "pooling"; }

 private:
  using Pair = std::array<std::int64_t, 2>;
  template <typename Body>
  void for_each_window(std::int64_t image, Body body);
  void run_image(std::int64_t image);

  ir::OpCode code_;
  int threads_;
  std::int64_t images_ = 0, channels_ = 0;
  Pair in_{}, out_{}, kernel_{}, stride_{}, padding_{};  // height, width
  std::vector<std::vector<std::int64_t>> pixels_;        // of the window at hand, a list a thread
  std::vector<float*> buffers_;                          // operands, result
};

}  // namespace weft::cpu
