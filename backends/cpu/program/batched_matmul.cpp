// Products in order, shared out by their number alone.
#include "backends/cpu/program/batched_matmul.h"

#include <algorithm>
#include <vector>

#include "backends/cpu/onednn/tile_matmul.h"
#include "backends/cpu/threads/memory.h"
#include "backends/cpu/threads/parallel.h"
#include "ir/error.h"

namespace weft::cpu {

namespace {

// Parts of the products: enough for threads to even out, few enough for the scratch of each.
constexpr std::int64_t kMostParts = 16;

class BatchedMatmul final : public runtime::Thunk {
 public:
  BatchedMatmul(const weft_matmul_step& step, int threads) : step_(step), threads_(threads) {
    check(step.bias == 0 && *step.activation == '\0', "`epilogue` adds nothing to matmuls with leading dims");
    parts_ = std::min(kMostParts, step.count);
    if (!step.kernel)
      for (std::int64_t i = 0; i < parts_; ++i) products_.emplace_back(step.a, step.b, step.result, false);
    bytes_a_part_ = aligned(step.kernel ? step.kernel->scratch_bytes : products_.front().scratch_bytes());
  }

  void bind(const std::vector<void*>& pointers, void* scratch) override {
    for (std::size_t i = 0; i < 3; ++i) operands_[i] = static_cast<float*>(pointers[i]);
    scratch_ = static_cast<std::byte*>(scratch);
  }

  void run() override {
    parallel_chunks(parts_, threads_, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t part = begin; part < end; ++part) run_part(part);
    });
  }

  std::size_t scratch_bytes() const override { return std::size_t(parts_) * bytes_a_part_; }
  std::string kind() const override { return step_.kernel ? "kernel" : "oneDNN"; }

 private:
  void run_part(std::int64_t part) {
    void* const scratch = scratch_ + std::size_t(part) * bytes_a_part_;
    const auto [first, last] = share_of({0, step_.count}, part, parts_);
    for (std::int64_t i = first; i < last; ++i) {
      void* buffers[3];
      for (std::size_t side = 0; side < 3; ++side) buffers[side] = operands_[side] + i * step_.strides[side];
      if (step_.kernel)
        step_.kernel->run(buffers, scratch, 0, step_.kernel->chunks);
      else
        products_[std::size_t(part)].run(static_cast<float*>(buffers[0]), static_cast<float*>(buffers[1]),
                                         static_cast<float*>(buffers[2]), scratch);
    }
  }

  const weft_matmul_step& step_;
  int threads_;
  std::int64_t parts_ = 1;
  std::vector<TileMatmul> products_;  // one per part
  std::size_t bytes_a_part_ = 0;
  float* operands_[3] = {};
  std::byte* scratch_ = nullptr;
};

}  // namespace

std::unique_ptr<runtime::Thunk> make_batched_matmul(const weft_matmul_step& step, int threads) {
  return std::make_unique<BatchedMatmul>(step, threads);
}

}  // namespace weft::cpu
