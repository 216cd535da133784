// Augmentations change each image of a batch at random, with new draws every step; the seed reproduces them. Geometric
// augmentations are in affine.h; colour, blur and noise are here. Parameters mean what they do in torchvision.
// Augmentations act in train and eval mode alike: call them only where you want them.
#pragma once

#include "frontend/affine.h"
#include "frontend/ops.h"

namespace weft {

// torchvision's ColorJitter: multiplies brightness, contrast and saturation by factors from max(0, 1-v) to 1+v and
// rotates the hue by -hue to hue of a full circle (0 to 0.5). Applies to an image with `probability`, always in this
// order, where torchvision shuffles. Contrast is relative to the mean grey of the image. x [B,3,H,W] in [0,1]; with one
// channel, saturation and hue do nothing.
struct ColourJitter {
  double brightness = 0, contrast = 0, saturation = 0, hue = 0;
  double probability = 1;
};
Tensor colour_jitter(Operand x, const ColourJitter& jitter);

// Replaces all channels of an image with its grey level, 0.2989 R + 0.587 G + 0.114 B, with this probability. x
// [B,3,H,W]; returns x itself if it has one channel.
Tensor random_grayscale(Operand x, double probability = 0.1);

// torchvision's GaussianBlur, applied with `probability` (SimCLR: 0.5): a `size` x `size` kernel, size odd, whose
// standard deviation is drawn per image; edges reflect. x [B,C,H,W], sides > size/2. Separable: the two axes run in
// turn.
struct GaussianBlur {
  std::int64_t size = 3;
  Range deviation{0.1, 2};
  double probability = 1;
};
Tensor gaussian_blur(Operand x, const GaussianBlur& blur = {});

// Noise for x of any dims. `gaussian_noise` does not clamp its result.
Tensor gaussian_noise(Operand x, double deviation);  // x + deviation * N(0, 1)
Tensor masking_noise(Operand x, double rate);        // each element becomes 0 with probability `rate`
Tensor salt_and_pepper(Operand x, double rate);      // each element becomes 0 or 1, each with probability rate/2

// Sets a square of side `size` to 0, centred anywhere in the image and clipped at its edges (DeVries & Taylor,
// "Improved Regularization of Convolutional Neural Networks with Cutout", 2017). x [B,C,H,W].
Tensor cutout(Operand x, std::int64_t size);

// (x - mean) / deviation per channel of x [B,C,H,W].
Tensor normalise_channels(Operand x, const std::vector<double>& means, const std::vector<double>& deviations);

}  // namespace weft
