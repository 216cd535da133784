// Products in order, shared out by their number alone.
#include "backends/cpu/program/batched_matmul.h"

#include <vector>

#include "backends/cpu/onednn/tile_matmul.h"
#include "backends/cpu/threads/memory.h"
#include "backends/cpu/threads/parallel.h"
#include "ir/error.h"

extern "C" {
#include "runtime/artefact/matmuls.c"
}

namespace weft::cpu {

namespace {

class BatchedMatmul final : public runtime::Thunk {
 public:
  BatchedMatmul(const weft_matmul_step& step, int threads) : step_(step), threads_(threads) {
    check(step.bias == 0 && *step.activation == '\0', "`epilogue` adds nothing to matmuls with leading dims");
    if (!step.kernel)
      for (std::int64_t i = 0; i < weft_matmul_parts(&step); ++i)
        products_.emplace_back(step.a, step.b, step.result, false);
    bytes_a_part_ = aligned(step.kernel ? step.kernel->scratch_bytes : products_.front().scratch_bytes());
  }

  void bind(const std::vector<void*>& pointers, void* scratch) override {
    operands_ = pointers;
    scratch_ = static_cast<std::byte*>(scratch);
  }

  void run() override {
    parallel_chunks(weft_matmul_parts(&step_), threads_, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t part = begin; part < end; ++part) run_part(part);
    });
  }

  std::size_t scratch_bytes() const override { return std::size_t(weft_matmul_parts(&step_)) * bytes_a_part_; }
  std::string kind() const override { return step_.kernel ? "kernel" : "oneDNN"; }

 private:
  void run_part(std::int64_t part) {
    void* const scratch = scratch_ + std::size_t(part) * bytes_a_part_;
    if (step_.kernel)
      weft_run_matmul_part(&step_, part, operands_.data(), scratch, run_product,
                           const_cast<weft_kernel*>(step_.kernel));
    else
      weft_run_matmul_part(&step_, part, operands_.data(), scratch, TileMatmul::run_product,
                           &products_[std::size_t(part)]);
  }

  const weft_matmul_step& step_;
  int threads_;
  std::vector<TileMatmul> products_;  // one per part
  std::size_t bytes_a_part_ = 0;
  std::vector<void*> operands_;
  std::byte* scratch_ = nullptr;
};

}  // namespace

std::unique_ptr<runtime::Thunk> make_batched_matmul(const weft_matmul_step& step, int threads) {
  return std::make_unique<BatchedMatmul>(step, threads);
}

}  // namespace weft::cpu
