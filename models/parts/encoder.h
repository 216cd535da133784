// The encoders that models share. Their parameters are named `encoder.*` in every model, so a classifier can load the
// encoder of any checkpoint by name.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "frontend/layers.h"
#include "frontend/model.h"

namespace weft::models {

// The images of a model: x is [B,channels,height,width].
struct ImageSize {
  std::int64_t channels, height, width;

  explicit ImageSize(const Settings& settings)
      : channels(settings.channels()), height(settings.height()), width(settings.width()) {}
  ImageSize(std::int64_t c, std::int64_t h, std::int64_t w) : channels(c), height(h), width(w) {}

  std::int64_t pixels() const { return channels * height * width; }
  Dims dims() const { return {B, channels, height, width}; }
};

// 3x3 convolutions that halve the image (rounding up), one per width, with an activation after each, then a fully
// connected layer: x [B,C,H,W] -> [B,out]. Parameters: name.conv1, name.conv2, ..., name.fc.
class ConvEncoder {
 public:
  ConvEncoder(const std::string& name, const ImageSize& image, const std::vector<std::int64_t>& widths,
              std::int64_t out, Activation activation = relu);
  Tensor operator()(const Tensor& x) const;
  // The output of each convolution, after its activation.
  std::vector<Tensor> blocks(const Tensor& x) const;
  // The code, from the output of the last convolution.
  Tensor code(const Tensor& block) const;

  // The image sizes before the first convolution and after each one, which a decoder restores in reverse.
  const std::vector<ImageSize>& sizes() const { return sizes_; }

 private:
  std::string name_;
  std::vector<ImageSize> sizes_;
  std::vector<Conv2d> convolutions_;
  Linear code_;
  Activation activation_;
};

// The output of an encoder for a batch of images.
struct Encoded {
  Tensor representation;       // [B,out]
  std::vector<Tensor> blocks;  // outputs of its blocks, [B,..], first to last
};

// An encoder of images [B,channels,height,width], chosen by --encoder and configured by the options of its kind:
//
//   mlp       fully connected layers of the sizes --hidden: encoder.fc1, encoder.fc2, ...
//   conv      a ConvEncoder of --widths, into a code of --latent numbers
//   cnn       for each of --widths a block of 3x3 convolution, batch norm, relu and, down to one pixel, max-pool 2;
//             then the mean of each channel. Four blocks reduce 28 pixels to 14, 7, 3 and 1.
//   nin       Network-in-Network (Lin et al. 2014) with the four blocks of RotNet (Gidaris et al. 2018)
//   resnet18  ResNet-18 (He et al. 2016) with the stem for small images: a 3x3 convolution and no max-pool
//
// The convolutions of the last three have no bias, because a batch norm follows.
class Encoder {
 public:
  static std::vector<Option> options(const std::string& kind);
  explicit Encoder(const Settings& settings);

  const ImageSize& image() const { return image_; }
  std::int64_t out() const { return out_; }
  Encoded operator()(const Tensor& x) const { return run_(x); }

 private:
  ImageSize image_;
  std::int64_t out_ = 0;
  std::function<Encoded(const Tensor&)> run_;
};

}  // namespace weft::models
