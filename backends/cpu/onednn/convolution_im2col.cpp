// Im2col in reverse (col2im): blocks of images, each a matmul into scratch that stays in cache and a sum of overlapping
// rows.
#include "backends/cpu/onednn/convolution_im2col.h"

#include <algorithm>

#include "backends/cpu/onednn/tile_matmul.h"
#include "backends/cpu/threads/memory.h"
#include "backends/cpu/threads/openmp.h"
#include "backends/cpu/threads/parallel.h"
#include "ir/error.h"
#include "ir/memory_layout.h"

namespace weft::cpu {

namespace {

constexpr std::int64_t kBlockFloats = 1 << 15;  // of columns at once: a share of the second-level cache

class Columns final : public Primitive {
 public:
  explicit Columns(const Convolution& c)
      : c_(c),
        places_(c.y[2] * c.y[3]),
        outputs_(c.y[1] / c.groups),
        taps_(c.w[1] * c.w[2] * c.w[3]),
        images_(block_of(c)),
        threads_(int(std::min<std::int64_t>(omp_get_max_threads(), c.x[0] / images_))) {
    if (!c.weights_layout.empty()) {
      const auto layout = ir::parse_memory_layout(c.weights_layout);
      check(layout.has_value(), "the weights of a convolution have a known layout");
      weight_offsets_ = ir::memory_offsets(*layout, {c.w.begin(), c.w.end()});
    }
    const Matrix columns{images_ * places_, taps_, taps_, 1}, weights{outputs_, taps_, taps_, 1};
    const Matrix y =
        c.channels_last ? Matrix{images_ * places_, outputs_, c.y[1], 1} : Matrix{places_, outputs_, 1, places_};
    for (int i = 0; i < threads_; ++i) products_.emplace_back(y, weights, columns, false);
    columns_bytes_ = aligned(std::size_t(images_ * places_ * taps_) * sizeof(float));
    weights_bytes_ = aligned(weight_offsets_.size() * sizeof(float));
  }

  void bind(void* const* operands, void* scratch) override {
    y_ = static_cast<const float*>(operands[0]);
    given_weights_ = static_cast<const float*>(operands[1]);
    x_ = static_cast<float*>(operands[2]);
    scratch_ = static_cast<std::byte*>(scratch);
  }

  void run() override {
    const float* weights = plain_weights();
    parallel_chunks(c_.x[0] / images_, threads_, [&](std::int64_t begin, std::int64_t end) {
      const int thread = omp_get_thread_num();
      for (std::int64_t block = begin; block < end; ++block) make_block(block * images_, weights, thread);
    });
  }

  std::size_t scratch_bytes() const override { return weights_bytes_ + std::size_t(threads_) * bytes_a_thread(); }
  std::string implementation() const override { return "im2col"; }

 private:
  // As many images as fill a block with columns; divides the batch. In planes, each image is a matrix.
  static std::int64_t block_of(const Convolution& c) {
    if (!c.channels_last) return 1;
    const std::int64_t floats = c.y[2] * c.y[3] * c.w[1] * c.w[2] * c.w[3];
    std::int64_t images = std::clamp<std::int64_t>(kBlockFloats / floats, 1, c.x[0]);
    while (c.x[0] % images != 0) --images;
    return images;
  }

  std::size_t bytes_a_thread() const { return columns_bytes_ + aligned(products_.front().scratch_bytes()); }

  // Row-major; few, because they make few channels.
  const float* plain_weights() {
    if (weight_offsets_.empty()) return given_weights_;
    auto* plain = reinterpret_cast<float*>(scratch_);
    for (std::size_t i = 0; i < weight_offsets_.size(); ++i) plain[i] = given_weights_[weight_offsets_[i]];
    return plain;
  }

  void make_block(std::int64_t first_image, const float* weights, int thread) {
    std::byte* mine = scratch_ + weights_bytes_ + std::size_t(thread) * bytes_a_thread();
    auto* columns = reinterpret_cast<float*>(mine);
    const std::int64_t size = c_.x[1] * c_.x[2] * c_.x[3];
    std::fill_n(x_ + first_image * size, images_ * size, 0.0f);
    for (std::int64_t group = 0; group < c_.groups; ++group) {
      const std::int64_t first_output = group * outputs_;
      const float* y = y_ + first_image * places_ * c_.y[1] + first_output * (c_.channels_last ? 1 : places_);
      products_[std::size_t(thread)].run(y, weights + first_output * taps_, columns, mine + columns_bytes_);
      for (std::int64_t image = 0; image < images_; ++image)
        add_columns(columns + image * places_ * taps_, x_ + (first_image + image) * size, group * c_.w[1]);
    }
  }

  // Adds the rows of one image's columns to their positions in x.
  void add_columns(const float* columns, float* x, std::int64_t first_channel) const {
    const std::int64_t channel_stride = c_.channels_last ? 1 : c_.x[2] * c_.x[3];
    const std::int64_t pixel_stride = c_.channels_last ? c_.x[1] : 1;
    std::int64_t tap = 0;
    for (std::int64_t channel = 0; channel < c_.w[1]; ++channel)
      for (std::int64_t a = 0; a < c_.w[2]; ++a)
        for (std::int64_t b = 0; b < c_.w[3]; ++b, ++tap) {
          const Range rows = inside(0, a), places = inside(1, b);
          for (std::int64_t i = rows.begin; i < rows.end; ++i) {
            const float* from = columns + i * c_.y[3] * taps_ + tap;
            float* to = x + (first_channel + channel) * channel_stride + position(0, a, i) * c_.x[3] * pixel_stride;
            for (std::int64_t j = places.begin; j < places.end; ++j)
              to[position(1, b, j) * pixel_stride] += from[j * taps_];
          }
        }
  }

  struct Range {
    std::int64_t begin, end;
  };
  // Where the tap of a window lies in x along one axis, and the windows for which that is inside x.
  std::int64_t position(std::size_t axis, std::int64_t tap, std::int64_t window) const {
    return window * c_.stride[axis] - c_.padding[axis] + tap * c_.dilation[axis];
  }
  Range inside(std::size_t axis, std::int64_t tap) const {
    const std::int64_t first = position(axis, tap, 0), stride = c_.stride[axis], size = c_.x[2 + axis];
    const std::int64_t begin = first < 0 ? (-first + stride - 1) / stride : 0;
    const std::int64_t end = first < size ? (size - first + stride - 1) / stride : 0;
    return {begin, std::min(end, c_.y[2 + axis])};
  }

  Convolution c_;
  std::int64_t places_, outputs_, taps_;  // per image of y; per group in y; per position and group
  std::int64_t images_;                   // per block
  int threads_;
  std::vector<std::size_t> weight_offsets_;
  std::vector<TileMatmul> products_;  // one per thread
  std::size_t columns_bytes_ = 0, weights_bytes_ = 0;
  const float *y_ = nullptr, *given_weights_ = nullptr;
  float* x_ = nullptr;
  std::byte* scratch_ = nullptr;
};

}  // namespace

bool prefers_im2col(const Convolution& convolution) { return convolution.groups == 1 && convolution.w[1] <= 4; }

std::unique_ptr<Primitive> make_im2col(const Convolution& convolution) {
  return std::make_unique<Columns>(convolution);
}

}  // namespace weft::cpu
