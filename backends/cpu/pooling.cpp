// Pooling by windows: the first pixel of a window, then the others, all channels of a pixel at a time.
#include "backends/cpu/pooling.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/layout.h"

namespace weft::cpu {

using ir::Attr;
using ir::OpCode;

bool is_pooling_item(const ir::Graph& graph, const ir::Op& op) {
  return ir::info(op.code).kind == ir::OpKind::pooling && ir::is_nhwc(op.attrs) &&
         graph.type(op.results[0]).dtype == ir::DType::f32;
}

PoolingItem::PoolingItem(const ir::Graph& graph, const ir::Op& op, int threads) : code_(op.code), threads_(threads) {
  const bool from_large = code_ != OpCode::avg_pool2d_grad;
  const bool to_large = code_ == OpCode::avg_pool2d_grad || code_ == OpCode::max_pool2d_grad;
  const auto large = ir::numbers(graph.type(from_large ? op.operands[0] : op.results[0]).dims);
  const auto small = ir::numbers(graph.type(to_large ? op.operands.back() : op.results[0]).dims);
  images_ = large[0];
  channels_ = large[3];
  for (std::size_t axis = 0; axis < 2; ++axis) {
    in_[axis] = large[1 + axis];
    out_[axis] = small[1 + axis];
    kernel_[axis] = op.attrs.integers(Attr::kernel)[axis];
    stride_[axis] = op.attrs.integers(Attr::stride)[axis];
    padding_[axis] = op.attrs.integers(Attr::padding)[axis];
  }
  pixels_.resize(std::size_t(threads));
  for (std::vector<std::int64_t>& each : pixels_) each.reserve(std::size_t(kernel_[0] * kernel_[1]));
}

void PoolingItem::bind(const std::vector<void*>& pointers, void*) {
  buffers_.clear();
  for (void* each : pointers) buffers_.push_back(static_cast<float*>(each));
}

void PoolingItem::run() {
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t image = 0; image < images_; ++image) run_image(image);
}

// body(offset of the window's pixel in the pooled image, offsets of its pixels), in floats.
template <typename Body>
void PoolingItem::for_each_window(std::int64_t image, Body body) {
  std::vector<std::int64_t>& pixels = pixels_[std::size_t(omp_get_thread_num())];
  for (std::int64_t y = 0; y < out_[0]; ++y)
    for (std::int64_t x = 0; x < out_[1]; ++x) {
      pixels.clear();
      const std::int64_t top = y * stride_[0] - padding_[0], left = x * stride_[1] - padding_[1];
      for (std::int64_t row = std::max<std::int64_t>(top, 0); row < std::min(top + kernel_[0], in_[0]); ++row)
        for (std::int64_t column = std::max<std::int64_t>(left, 0); column < std::min(left + kernel_[1], in_[1]);
             ++column)
          pixels.push_back(((image * in_[0] + row) * in_[1] + column) * channels_);
      body(((image * out_[0] + y) * out_[1] + x) * channels_, pixels);
    }
}

namespace {

// Whether `each` takes the place of `best`: a NaN that comes first stays.
bool is_better(float each, float best) { return each > best || (std::isnan(each) && !std::isnan(best)); }

}  // namespace

void PoolingItem::run_image(std::int64_t image) {
  using Pixels = const std::vector<std::int64_t>&;
  const std::int64_t channels = channels_, size = in_[0] * in_[1] * channels_;
  const float *a = buffers_[0], *dy = buffers_[buffers_.size() - 2], share = 1.0F / float(kernel_[0] * kernel_[1]);
  float* result = buffers_.back();
  const bool is_gradient = code_ == OpCode::max_pool2d_grad || code_ == OpCode::avg_pool2d_grad;
  if (is_gradient) std::fill_n(result + image * size, size, 0.0F);
  for_each_window(image, [&](std::int64_t small, Pixels pixels) {
    if (code_ == OpCode::max_pool2d_grad) {
      for (std::int64_t c = 0; c < channels && !pixels.empty(); ++c) {
        std::int64_t best = pixels[0];
        for (const std::int64_t pixel : pixels)
          if (is_better(a[pixel + c], a[best + c])) best = pixel;
        result[best + c] += dy[small + c];
      }
    } else if (code_ == OpCode::avg_pool2d_grad) {
      for (const std::int64_t pixel : pixels)
        for (std::int64_t c = 0; c < channels; ++c) result[pixel + c] += dy[small + c] * share;
    } else if (code_ == OpCode::max_pool2d) {
      std::fill_n(result + small, channels, -std::numeric_limits<float>::infinity());
      for (const std::int64_t pixel : pixels)
        for (std::int64_t c = 0; c < channels; ++c)
          result[small + c] = is_better(a[pixel + c], result[small + c]) ? a[pixel + c] : result[small + c];
    } else {
      std::fill_n(result + small, channels, 0.0F);
      for (const std::int64_t pixel : pixels)
        for (std::int64_t c = 0; c < channels; ++c) result[small + c] += a[pixel + c];
      for (std::int64_t c = 0; c < channels; ++c) result[small + c] *= share;
    }
  });
}

}  // namespace weft::cpu
