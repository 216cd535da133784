// Pooling by windows: the first pixel of a window, then the others, all channels of a pixel at a time.
#include "backends/cpu/pooling.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace weft::cpu {

PoolingItem::PoolingItem(const PoolingWork& work, int threads) : work_(work), threads_(threads) {
  pixels_.resize(std::size_t(threads));
  for (std::vector<std::int64_t>& each : pixels_) each.reserve(std::size_t(work.kernel[0] * work.kernel[1]));
}

void PoolingItem::bind(const std::vector<void*>& pointers, void*) {
  buffers_.clear();
  for (void* each : pointers) buffers_.push_back(static_cast<float*>(each));
}

void PoolingItem::run() {
#pragma omp parallel for num_threads(threads_) schedule(static)
  for (std::int64_t image = 0; image < work_.images; ++image) run_image(image);
}

// body(offset of the window's pixel in the pooled image, offsets of its pixels), in floats.
template <typename Body>
void PoolingItem::for_each_window(std::int64_t image, Body body) {
  std::vector<std::int64_t>& pixels = pixels_[std::size_t(omp_get_thread_num())];
  for (std::int64_t y = 0; y < work_.out[0]; ++y)
    for (std::int64_t x = 0; x < work_.out[1]; ++x) {
      pixels.clear();
      const std::int64_t top = y * work_.stride[0] - work_.padding[0], left = x * work_.stride[1] - work_.padding[1];
      for (std::int64_t row = std::max<std::int64_t>(top, 0); row < std::min(top + work_.kernel[0], work_.in[0]); ++row)
        for (std::int64_t column = std::max<std::int64_t>(left, 0);
             column < std::min(left + work_.kernel[1], work_.in[1]); ++column)
          pixels.push_back(((image * work_.in[0] + row) * work_.in[1] + column) * work_.channels);
      body(((image * work_.out[0] + y) * work_.out[1] + x) * work_.channels, pixels);
    }
}

namespace {

// Whether `each` takes the place of `best`: a NaN that comes first stays.
bool is_better(float each, float best) { return each > best || (std::isnan(each) && !std::isnan(best)); }

}  // namespace

void PoolingItem::run_image(std::int64_t image) {
  using Pixels = const std::vector<std::int64_t>&;
  using Kind = PoolingWork::Kind;
  const std::int64_t channels = work_.channels, size = work_.in[0] * work_.in[1] * work_.channels;
  const float *a = buffers_[0], *dy = buffers_[buffers_.size() - 2],
              share = 1.0F / float(work_.kernel[0] * work_.kernel[1]);
  float* result = buffers_.back();
  const bool is_gradient = work_.kind == Kind::max_gradient || work_.kind == Kind::average_gradient;
  if (is_gradient) std::fill_n(result + image * size, size, 0.0F);
  for_each_window(image, [&](std::int64_t small, Pixels pixels) {
    if (work_.kind == Kind::max_gradient) {
      for (std::int64_t c = 0; c < channels && !pixels.empty(); ++c) {
        std::int64_t best = pixels[0];
        for (const std::int64_t pixel : pixels)
          if (is_better(a[pixel + c], a[best + c])) best = pixel;
        result[best + c] += dy[small + c];
      }
    } else if (work_.kind == Kind::average_gradient) {
      for (const std::int64_t pixel : pixels)
        for (std::int64_t c = 0; c < channels; ++c) result[pixel + c] += dy[small + c] * share;
    } else if (work_.kind == Kind::max) {
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
