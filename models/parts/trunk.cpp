// cnn, nin and resnet18.
#include "models/parts/trunk.h"

#include "frontend/activations.h"
#include "frontend/layers.h"
#include "frontend/ops.h"
#include "ir/error.h"

namespace weft::models {

namespace {

std::int64_t channels_of(const Tensor& x) { return ir::number(x.dim(1)); }

// Convolution and batch norm. The kernel has odd size and the padding that keeps the image size at stride 1.
// Parameters: name.conv and name.norm.
Tensor conv_norm(const std::string& name, const Tensor& x, std::int64_t out, int kernel, int stride = 1) {
  const Conv2dOptions options{.stride = stride, .padding = (kernel - 1) / 2};
  const Conv2d convolution(name + ".conv", channels_of(x), out, kernel, options, {.bias = false});
  return BatchNorm(name + ".norm", out)(convolution(x));
}

}  // namespace

// --- cnn -----------------------------------------------------------------------------------------------------------

std::vector<Tensor> cnn_blocks(const std::string& name, const Tensor& x, const std::vector<std::int64_t>& widths) {
  std::vector<Tensor> blocks;
  for (const std::int64_t width : widths) {
    const std::string block = fmt::format("block{}", blocks.size() + 1);
    const Scope scope(block);
    const Tensor y = relu(conv_norm(name + "." + block, blocks.empty() ? x : blocks.back(), width, 3));
    const bool can_halve = ir::number(y.dim(2)) > 1 && ir::number(y.dim(3)) > 1;
    blocks.push_back(can_halve ? max_pool2d(y, 2) : y);
  }
  return blocks;
}

// --- Network-in-Network --------------------------------------------------------------------------------------------

namespace {

struct NinLayer {
  std::int64_t width;
  int kernel;
};

Tensor nin_block(const std::string& name, Tensor x, const std::vector<NinLayer>& layers) {
  for (std::size_t i = 0; i < layers.size(); ++i)
    x = relu(conv_norm(fmt::format("{}.layer{}", name, i + 1), x, layers[i].width, layers[i].kernel));
  return x;
}

}  // namespace

std::vector<Tensor> nin_blocks(const std::string& name, const Tensor& x) {
  constexpr std::int64_t width = kNinWidth;
  const Pool2dOptions halving{.stride = 2, .padding = 1};
  std::vector<Tensor> blocks;
  const auto add = [&](const std::vector<NinLayer>& layers) {
    const std::string block = fmt::format("{}.block{}", name, blocks.size() + 1);
    return nin_block(block, blocks.empty() ? x : blocks.back(), layers);
  };
  blocks.push_back(max_pool2d(add({{width, 5}, {160, 1}, {96, 1}}), 3, halving));
  blocks.push_back(avg_pool2d(add({{width, 5}, {width, 1}, {width, 1}}), 3, halving));
  for (int i = 0; i < 2; ++i) blocks.push_back(add({{width, 3}, {width, 1}, {width, 1}}));
  return blocks;
}

// --- ResNet --------------------------------------------------------------------------------------------------------

namespace {

// ResNet's basic block: two convolutions and a shortcut, which is a 1x1 convolution if the size changes.
Tensor residual(const std::string& name, const Tensor& x, std::int64_t width, int stride) {
  const Tensor inner = relu(conv_norm(name + ".1", x, width, 3, stride));
  const Tensor y = conv_norm(name + ".2", inner, width, 3);
  const bool changes = stride != 1 || channels_of(x) != width;
  return relu(y + (changes ? conv_norm(name + ".shortcut", x, width, 1, stride) : x));
}

}  // namespace

std::vector<Tensor> resnet18_blocks(const std::string& name, const Tensor& x) {
  Tensor y = relu(conv_norm(name + ".stem", x, 64, 3));
  std::vector<Tensor> blocks;
  for (const std::int64_t width : {64, 128, 256, 512}) {
    const std::string block = fmt::format("{}.block{}", name, blocks.size() + 1);
    y = residual(block + ".a", y, width, width == 64 ? 1 : 2);
    y = residual(block + ".b", y, width, 1);
    blocks.push_back(y);
  }
  return blocks;
}

}  // namespace weft::models
