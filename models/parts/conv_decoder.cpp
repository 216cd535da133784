// The convolutional decoder.
#include "models/parts/conv_decoder.h"

#include <utility>

namespace weft::models {

ConvDecoder::ConvDecoder(const std::string& name, std::int64_t latent, const std::vector<ImageSize>& sizes,
                         Activation activation)
    : name_(name),
      smallest_(sizes.back()),
      first_(name + ".fc", latent, smallest_.pixels()),
      activation_(std::move(activation)) {
  for (std::size_t i = sizes.size() - 1; i > 0; --i) {
    const ImageSize& to = sizes[i - 1];
    layers_.emplace_back(fmt::format("{}.deconv{}", name, layers_.size() + 1), sizes[i].channels, to.channels, 3,
                         ConvTranspose2dOptions{.stride = 2, .padding = 1, .output_size = Pair{to.height, to.width}});
  }
}

Tensor ConvDecoder::operator()(const Tensor& z) const {
  const Scope scope(name_);
  Tensor x = reshape(first_(z), {z.dim(0), smallest_.channels, smallest_.height, smallest_.width});
  for (const ConvTranspose2d& layer : layers_) x = layer(activation_(x));
  return x;
}

}  // namespace weft::models
