// The encoder of strided convolutions, and the table of all encoders.
#include "models/parts/encoder.h"

#include <utility>

#include "models/parts/trunk.h"

namespace weft::models {

namespace {

// A convolution with kernel 3, stride 2 and padding 1 gives (H + 2 - 3) / 2 + 1 rows: half of H, rounded up.
std::vector<ImageSize> halved(const ImageSize& image, const std::vector<std::int64_t>& widths) {
  std::vector<ImageSize> sizes{image};
  for (const std::int64_t width : widths)
    sizes.emplace_back(width, (sizes.back().height + 1) / 2, (sizes.back().width + 1) / 2);
  return sizes;
}

}  // namespace

ConvEncoder::ConvEncoder(const std::string& name, const ImageSize& image, const std::vector<std::int64_t>& widths,
                         std::int64_t out, Activation activation)
    : name_(name),
      sizes_(halved(image, widths)),
      code_(name + ".fc", sizes_.back().pixels(), out),
      activation_(std::move(activation)) {
  for (std::size_t i = 1; i < sizes_.size(); ++i)
    convolutions_.emplace_back(fmt::format("{}.conv{}", name, i), sizes_[i - 1].channels, sizes_[i].channels, 3,
                               Conv2dOptions{.stride = 2, .padding = 1});
}

std::vector<Tensor> ConvEncoder::blocks(const Tensor& x) const {
  const Scope scope(name_);
  std::vector<Tensor> blocks;
  for (const Conv2d& convolution : convolutions_)
    blocks.push_back(activation_(convolution(blocks.empty() ? x : blocks.back())));
  return blocks;
}

Tensor ConvEncoder::code(const Tensor& block) const {
  const Scope scope(name_);
  return code_(flatten(block));
}

Tensor ConvEncoder::operator()(const Tensor& x) const {
  const std::vector<Tensor> all = blocks(x);
  return code(all.empty() ? x : all.back());
}

// --- The choice ----------------------------------------------------------------------------------------------------

namespace {

constexpr const char* kName = "encoder";

// An encoder for given images: the size of its representation, and the function that computes it.
struct Made {
  std::int64_t out;
  std::function<Encoded(const Tensor&)> run;
};

// --widths, or the encoder's default.
std::vector<std::int64_t> widths_of(const Settings& settings, const std::vector<std::int64_t>& fallback) {
  const std::vector<std::int64_t> given = settings.integers("widths", 1);
  return given.empty() ? fallback : given;
}

Made make_mlp(const Settings& settings, const ImageSize& image) {
  const Mlp layers(kName, image.pixels(), settings.integers("hidden", 1), activation(settings.text("activation")));
  return {layers.out(), [layers](const Tensor& x) {
            const Tensor flat = flatten(x);
            const std::vector<Tensor> blocks = layers.blocks(flat);
            return Encoded{blocks.empty() ? flat : blocks.back(), blocks};
          }};
}

Made make_conv(const Settings& settings, const ImageSize& image) {
  const ConvEncoder encoder(kName, image, widths_of(settings, {32, 64}), settings.integer("latent", 1),
                            activation(settings.text("activation")));
  return {settings.integer("latent", 1), [encoder](const Tensor& x) {
            const std::vector<Tensor> blocks = encoder.blocks(x);
            return Encoded{encoder.code(blocks.empty() ? x : blocks.back()), blocks};
          }};
}

Encoded averaged(std::vector<Tensor> blocks) {
  const Scope scope(kName);
  return {global_average(blocks.back()).named(kName), std::move(blocks)};
}

Made make_cnn(const Settings& settings, const ImageSize&) {
  const std::vector<std::int64_t> widths = widths_of(settings, {32, 64, 128, 256});
  return {widths.back(), [widths](const Tensor& x) {
            const Scope scope(kName);
            return averaged(cnn_blocks(kName, x, widths));
          }};
}

Made make_nin(const Settings&, const ImageSize&) {
  return {kNinWidth, [](const Tensor& x) {
            const Scope scope(kName);
            return averaged(nin_blocks(kName, x));
          }};
}

Made make_resnet18(const Settings&, const ImageSize&) {
  return {kResnetWidth, [](const Tensor& x) {
            const Scope scope(kName);
            return averaged(resnet18_blocks(kName, x));
          }};
}

struct Kind {
  const char* name;
  Made (*make)(const Settings& settings, const ImageSize& image);
};
constexpr Kind kKinds[] = {
    {"mlp", make_mlp}, {"conv", make_conv}, {"cnn", make_cnn}, {"nin", make_nin}, {"resnet18", make_resnet18}};

}  // namespace

std::vector<Option> Encoder::options(const std::string& kind) {
  return {{"encoder", kind, "network that encodes the image: mlp, conv, cnn, nin or resnet18"},
          {"widths", "", "channels of each block; default: 32,64 for conv, 32,64,128,256 for cnn"},
          {"hidden", "1000,1000,1000", "mlp: sizes of its layers"},
          {"latent", "64", "conv: size of its code"},
          {"activation", "relu", "mlp and conv: activation of their layers"}};
}

Encoder::Encoder(const Settings& settings) : image_(settings) {
  std::vector<std::string> names;
  for (const Kind& kind : kKinds) names.emplace_back(kind.name);
  const std::string& wanted = settings.choice("encoder", names);
  for (const Kind& kind : kKinds)
    if (wanted == kind.name) {
      Made made = kind.make(settings, image_);
      out_ = made.out;
      run_ = std::move(made.run);
    }
}

}  // namespace weft::models
