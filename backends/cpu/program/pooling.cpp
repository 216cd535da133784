// Runs the C code of an artefact over threads, one image at a time.
#include "backends/cpu/program/pooling.h"

#include <algorithm>

extern "C" {
#include "runtime/artefact/pooling.c"
#include "runtime/artefact/tables.h"
}

namespace weft::cpu {

namespace {

class PoolingThunk final : public Thunk {
 public:
  PoolingThunk(const PoolingStep& work, int threads) : threads_(threads) {
    step_.code = int(work.kind);
    step_.images = work.images;
    step_.channels = work.channels;
    std::copy_n(work.in.begin(), 2, step_.in);
    std::copy_n(work.out.begin(), 2, step_.out);
    std::copy_n(work.kernel.begin(), 2, step_.kernel);
    std::copy_n(work.stride.begin(), 2, step_.stride);
    std::copy_n(work.padding.begin(), 2, step_.padding);
  }
  void bind(const std::vector<void*>& pointers, void*) override { buffers_ = pointers; }
  void run() override {
    parallel_chunks(step_.images, threads_, [this](std::int64_t begin, std::int64_t end) {
      weft_pool_images(&step_, buffers_.data(), begin, end);
    });
  }
  std::string kind() const override { return "pooling"; }

 private:
  weft_pooling_step step_{};
  int threads_;
  std::vector<void*> buffers_;
};

}  // namespace

std::unique_ptr<Thunk> make_pooling_item(const PoolingStep& work, int threads) {
  return std::make_unique<PoolingThunk>(work, threads);
}

}  // namespace weft::cpu
