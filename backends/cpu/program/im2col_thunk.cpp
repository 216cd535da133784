// Blocks of images, the weights in the order of the matmul, and the C code of an artefact run over threads.
#include "backends/cpu/program/im2col_thunk.h"

#include <algorithm>

#include "backends/cpu/threads/memory.h"
#include "ir/error.h"

extern "C" {
#include "backends/cpu/threads/openmp.h"
#include "runtime/artefact/im2col.c"
#include "runtime/artefact/tables.h"
}

namespace weft::cpu {

namespace {

using Direction = Convolution::Direction;

constexpr std::int64_t kColumnFloats = 1 << 15;  // of columns at once: a share of the second-level cache

std::int64_t places_of(const Convolution& c) { return c.y[2] * c.y[3]; }
std::int64_t taps_of(const Convolution& c) { return c.w[1] * c.w[2] * c.w[3]; }

// As many images as fill a block with columns; divides the batch. In planes, each image is a matrix.
std::int64_t block_of(const Convolution& c) {
  if (!c.channels_last) return 1;
  std::int64_t images = std::clamp<std::int64_t>(kColumnFloats / (places_of(c) * taps_of(c)), 1, c.x[0]);
  while (c.x[0] % images != 0) --images;
  return images;
}

weft_im2col_step table_of(const Im2colStep& work, const weft_kernel* matmul) {
  const Convolution& c = work.convolution;
  weft_im2col_step step{};
  step.direction = int(c.direction);
  step.channels_last = c.channels_last;
  step.bias = c.bias;
  step.images = c.x[0];
  step.block = work.block;
  std::copy_n(c.x.begin() + 1, 3, step.x);
  std::copy_n(c.y.begin() + 1, 3, step.y);
  step.groups = c.groups;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    step.kernel[axis] = c.w[2 + axis];
    step.stride[axis] = c.stride[axis];
    step.padding[axis] = c.padding[axis];
    step.dilation[axis] = c.dilation[axis];
  }
  step.weights_bytes = work.weights_bytes;
  step.columns_bytes = work.columns_bytes;
  step.matmul = matmul;
  return step;
}

class Im2colThunk final : public Thunk {
 public:
  Im2colThunk(const Im2colStep& work, const CompiledKernel& kernel, int threads)
      : matmul_{kernel.name.c_str(), kernel.run, kernel.finish, kernel.chunks, kernel.scratch_bytes, kernel.work_ns},
        step_(table_of(work, &matmul_)),
        bytes_a_thread_(work.columns_bytes + aligned(kernel.scratch_bytes)) {
    // The blocks of a weight gradient add to one sum.
    if (work.convolution.direction != Direction::weights)
      threads_ = int(std::min<std::int64_t>(threads, step_.images / step_.block));
  }
  Im2colThunk(const Im2colThunk&) = delete;
  Im2colThunk& operator=(const Im2colThunk&) = delete;

  void bind(const std::vector<void*>& pointers, void* scratch) override {
    buffers_ = pointers;
    scratch_ = static_cast<char*>(scratch);
  }

  void run() override {
    weft_im2col_begin(&step_, buffers_.data(), scratch_);
    parallel_chunks(step_.images / step_.block, threads_, [&](std::int64_t begin, std::int64_t end) {
      char* columns = scratch_ + step_.weights_bytes + std::size_t(omp_get_thread_num()) * bytes_a_thread_;
      weft_im2col_blocks(&step_, buffers_.data(), scratch_, columns, begin, end);
    });
    weft_im2col_end(&step_, buffers_.data(), scratch_);
  }

  std::size_t scratch_bytes() const override { return step_.weights_bytes + std::size_t(threads_) * bytes_a_thread_; }
  std::string kind() const override { return "im2col"; }

 private:
  weft_kernel matmul_;
  weft_im2col_step step_;
  std::size_t bytes_a_thread_;
  int threads_ = 1;
  std::vector<void*> buffers_;
  char* scratch_ = nullptr;
};

}  // namespace

Im2colStep columns_of(const Convolution& c, int kernel) {
  check(c.weights_layout.empty(), "a convolution by im2col has row-major weights");
  Im2colStep work{c, kernel, block_of(c), 0, 0};
  if (c.channels_last) work.weights_bytes = aligned(std::size_t(c.w[0] * taps_of(c)) * sizeof(float));
  work.columns_bytes = aligned(std::size_t(work.block * places_of(c) * taps_of(c)) * sizeof(float));
  return work;
}

Matmul matmul_of(const Im2colStep& work, const std::string& name) {
  const Convolution& c = work.convolution;
  const std::int64_t rows = work.block * places_of(c), taps = taps_of(c), outputs = c.w[0] / c.groups;
  const Matrix columns = c.channels_last ? Matrix{rows, taps, taps, 1} : Matrix{rows, taps, 1, rows};
  const Matrix y = c.channels_last ? Matrix{rows, outputs, c.y[1], 1} : Matrix{rows, outputs, 1, rows};
  const Matrix weights{outputs, taps, taps, 1};
  switch (c.direction) {
    case Direction::forward: {
      const Matrix turned = c.channels_last ? Matrix{taps, outputs, outputs, 1} : Matrix{taps, outputs, 1, taps};
      return {name, columns, turned, y, c.bias, c.activation};
    }
    case Direction::data:
      return {name, y, weights, columns};
    case Direction::weights: {
      Matmul matmul{name, {outputs, rows, y.column_stride, y.row_stride}, columns, weights};
      matmul.accumulate = true;
      return matmul;
    }
  }
  return {};
}

std::unique_ptr<Thunk> make_im2col_thunk(const Im2colStep& work, const CompiledKernel& kernel, int threads) {
  return std::make_unique<Im2colThunk>(work, kernel, threads);
}

}  // namespace weft::cpu
