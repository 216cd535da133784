// Pooling whose windows overlap, are padded or leave a rest: loops over channels-last images. (Windows that tile the
// image are reductions inside kernels: passes/layout.cpp.)
#pragma once

#include <cstdint>

#include "backends/cpu/item.h"

namespace weft::cpu {

class PoolingItem final : public Item {
 public:
  PoolingItem(const PoolingWork& work, int threads);
  void bind(const std::vector<void*>& pointers, void* scratch) override;
  void run() override;  // each image on one thread: the same bits for any number of threads
  std::string kind() const override { return "pooling"; }

 private:
  template <typename Body>
  void for_each_window(std::int64_t image, Body body);
  void run_image(std::int64_t image);

  PoolingWork work_;
  int threads_;
  std::vector<std::vector<std::int64_t>> pixels_;  // of the window at hand, a list a thread
  std::vector<float*> buffers_;                    // operands, result
};

}  // namespace weft::cpu
