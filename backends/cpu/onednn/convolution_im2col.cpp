// A thread's oneDNN matmul for each block, and the weights in its order.
#include "backends/cpu/onednn/convolution_im2col.h"

#include <vector>

#include "backends/cpu/im2col.h"
#include "backends/cpu/onednn/tile_matmul.h"
#include "backends/cpu/threads/memory.h"
#include "ir/error.h"
#include "ir/memory_layout.h"

namespace weft::cpu {

namespace {

Matrix transposed(const Matrix& m) { return {m.columns, m.rows, m.column_stride, m.row_stride}; }

// By the position in the order of the matmul, channels last: [outputs, height, width, channels]; in planes
// [outputs, channels, height, width].
std::vector<std::size_t> offsets_of_weights(const Convolution& c) {
  const auto layout = ir::parse_memory_layout(*c.weights_layout == '\0' ? "oihw" : c.weights_layout);
  check(layout.has_value(), "the weights of a convolution have a known layout");
  const std::vector<std::size_t> plain = ir::memory_offsets(*layout, {std::begin(c.w), std::end(c.w)});
  if (c.channels_last == 0) return plain;
  std::vector<std::size_t> offsets;
  const auto channels = std::size_t(c.w[1]), area = std::size_t(c.w[2] * c.w[3]);
  for (std::size_t output = 0; output < std::size_t(c.w[0]); ++output)
    for (std::size_t tap = 0; tap < area; ++tap)
      for (std::size_t channel = 0; channel < channels; ++channel)
        offsets.push_back(plain[(output * channels + channel) * area + tap]);
  return offsets;
}

class Columns final : public Primitive {
 public:
  Columns(const Convolution& c, int threads)
      : step_(step_of(c)), is_planes_(c.channels_last == 0), blocks_(step_, product_bytes(), threads) {
    if (step_.weights_bytes > 0) weight_offsets_ = offsets_of_weights(c);
    for (int i = 1; i < blocks_.threads(); ++i) products_.push_back(product_of(step_));
    for (TileMatmul& each : products_) contexts_.push_back(&each);
  }

  void bind(void* const* operands, void* scratch) override {
    weights_ = static_cast<const float*>(operands[1]);
    scratch_ = static_cast<float*>(scratch);
    blocks_.bind(operands, scratch);
  }

  void run() override {
    for (std::size_t i = 0; i < weight_offsets_.size(); ++i) scratch_[i] = weights_[weight_offsets_[i]];
    blocks_.run_blocks(is_planes_ ? run_planes : TileMatmul::run_product, contexts_.data());
  }

  std::size_t scratch_bytes() const override { return blocks_.scratch_bytes(); }
  std::string implementation() const override { return "im2col"; }

 private:
  static weft_im2col_step step_of(const Convolution& c) {
    weft_im2col_step step = columns_of(c);
    const bool is_row_major = *c.weights_layout == '\0';
    step.weights_bytes = is_row_major && (c.channels_last == 0 || c.w[1] == 1)
                             ? 0
                             : aligned(std::size_t(c.w[0] * c.w[1] * c.w[2] * c.w[3]) * sizeof(float));
    return step;
  }

  // oneDNN writes rows: the columns of planes are the transpose of a product of transposes.
  static TileMatmul product_of(const weft_im2col_step& step) {
    const Matmul matmul = matmul_of(step, "", "");
    if (step.channels_last != 0) return {matmul.a, matmul.b, matmul.result, false};
    return {transposed(matmul.b), transposed(matmul.a), transposed(matmul.result), false};
  }
  std::size_t product_bytes() {
    products_.push_back(product_of(step_));
    return products_.front().scratch_bytes();
  }

  static void run_planes(void* product, void* const* buffers, void* scratch) {
    void* const swapped[] = {buffers[1], buffers[0], buffers[2]};
    TileMatmul::run_product(product, swapped, scratch);
  }

  weft_im2col_step step_;
  bool is_planes_;
  std::vector<TileMatmul> products_;  // one per thread
  std::vector<void*> contexts_;       // their addresses
  Im2col blocks_;
  std::vector<std::size_t> weight_offsets_;
  const float* weights_ = nullptr;
  float* scratch_ = nullptr;
};

}  // namespace

bool prefers_im2col(const Convolution& convolution) { return convolution.groups == 1 && convolution.w[1] <= 4; }

std::unique_ptr<Primitive> make_im2col(const Convolution& convolution, int threads) {
  return std::make_unique<Columns>(convolution, threads);
}

}  // namespace weft::cpu
