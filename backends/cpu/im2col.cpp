// Sizes of blocks and matmuls, and the C code.
#include "backends/cpu/im2col.h"

#include <algorithm>

#include "backends/cpu/threads/memory.h"
#include "backends/cpu/threads/parallel.h"

extern "C" {
#include "runtime/artefact/im2col.c"
}

namespace weft::cpu {

namespace {

constexpr std::int64_t kColumnFloats = 1 << 15;  // of columns at once: a share of the second-level cache

// As many images as fill a block with columns; divides the batch. In planes, each image is a matrix.
std::int64_t block_of(const weft_convolution_step& c) {
  if (c.channels_last == 0) return 1;
  const std::int64_t floats = c.y[2] * c.y[3] * c.w[1] * c.w[2] * c.w[3];
  std::int64_t images = std::clamp<std::int64_t>(kColumnFloats / floats, 1, c.x[0]);
  while (c.x[0] % images != 0) --images;
  return images;
}

}  // namespace

weft_im2col_step columns_of(const weft_convolution_step& c) {
  const std::int64_t taps = c.w[1] * c.w[2] * c.w[3];
  weft_im2col_step step{};
  step.direction = c.direction;
  step.channels_last = c.channels_last;
  step.bias = c.bias;
  step.images = c.x[0];
  step.block = block_of(c);
  std::copy_n(c.x + 1, 3, step.x);
  std::copy_n(c.y + 1, 3, step.y);
  step.groups = c.groups;
  std::copy_n(c.w + 2, 2, step.kernel);
  std::ranges::copy(c.stride, step.stride);
  std::ranges::copy(c.padding, step.padding);
  std::ranges::copy(c.dilation, step.dilation);
  if (c.channels_last != 0) step.weights_bytes = aligned(std::size_t(c.w[0] * taps) * sizeof(float));
  step.columns_bytes = aligned(std::size_t(step.block * c.y[2] * c.y[3] * taps) * sizeof(float));
  return step;
}

Matmul matmul_of(const weft_im2col_step& step, const std::string& activation, const std::string& name) {
  const bool last = step.channels_last != 0;
  const std::int64_t rows = step.block * weft_places(&step), taps = weft_taps(&step),
                     outputs = weft_group_outputs(&step);
  const Matrix columns = last ? Matrix{rows, taps, taps, 1} : Matrix{rows, taps, 1, rows};
  const Matrix y = last ? Matrix{rows, outputs, step.y[0], 1} : Matrix{rows, outputs, 1, rows};
  const Matrix weights{outputs, taps, taps, 1};
  switch (step.direction) {
    case WEFT_FORWARD: {
      const Matrix turned = last ? Matrix{taps, outputs, outputs, 1} : Matrix{taps, outputs, 1, taps};
      return {name, columns, turned, y, step.bias != 0, activation};
    }
    case WEFT_BACK_TO_X:
      return {name, y, weights, columns};
    case WEFT_BACK_TO_W: {
      Matmul matmul{name, {outputs, rows, y.column_stride, y.row_stride}, columns, weights};
      matmul.accumulate = true;
      return matmul;
    }
  }
  return {};
}

Im2col::Im2col(const weft_im2col_step& step, std::size_t product_bytes, int threads)
    : step_(step), bytes_a_thread_(step.columns_bytes + aligned(product_bytes)) {
  // The blocks of a weight gradient add to one sum.
  if (step.direction != WEFT_BACK_TO_W) threads_ = int(std::min<std::int64_t>(threads, step.images / step.block));
}

void Im2col::bind(void* const* buffers, void* scratch) {
  buffers_.assign(buffers, buffers + 3 + step_.bias);
  scratch_ = static_cast<char*>(scratch);
}

void Im2col::run(Product product, void* const* contexts) const {
  weft_im2col_begin(&step_, buffers_.data(), scratch_);
  run_blocks(product, contexts);
  weft_im2col_end(&step_, buffers_.data(), scratch_);
}

void Im2col::run_blocks(Product product, void* const* contexts) const {
  // Workers, each with its own columns.
  std::int64_t claimed = 0;
  parallel_chunks(threads_, threads_, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t worker = first; worker < last; ++worker) {
      char* columns = scratch_ + step_.weights_bytes + std::size_t(worker) * bytes_a_thread_;
      const weft_product here{product, contexts[worker]};
      weft_im2col_work(&step_, here, buffers_.data(), scratch_, columns, &claimed);
    }
  });
}

}  // namespace weft::cpu
