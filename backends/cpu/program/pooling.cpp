// Runs the C code of an artefact over threads, one image at a time.
#include "backends/cpu/program/pooling.h"

extern "C" {
#include "runtime/artefact/pooling.c"
}

namespace weft::cpu {

namespace {

class PoolingThunk final : public Thunk {
 public:
  PoolingThunk(const weft_pooling_step& work, int threads) : step_(work), threads_(threads) {}
  void bind(const std::vector<void*>& pointers, void*) override { buffers_ = pointers; }
  void run() override {
    parallel_chunks(step_.images, threads_, [this](std::int64_t begin, std::int64_t end) {
      weft_pool_images(&step_, buffers_.data(), begin, end);
    });
  }
  std::string kind() const override { return "pooling"; }

 private:
  const weft_pooling_step& step_;
  int threads_;
  std::vector<void*> buffers_;
};

}  // namespace

std::unique_ptr<Thunk> make_pooling_thunk(const weft_pooling_step& work, int threads) {
  return std::make_unique<PoolingThunk>(work, threads);
}

}  // namespace weft::cpu
