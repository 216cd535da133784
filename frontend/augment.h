// Augmentations: functions of a batch of pictures that give each picture a random change of its own, fresh each step; a
// seed repeats them all. Geometric ones are in affine.h; here are colour, blur and noise. Parameters mean what they do
// in torchvision. All act in both modes: where not to augment, do not call them.
#pragma once

#include "frontend/affine.h"
#include "frontend/ops.h"

namespace weft {

// torchvision's ColorJitter: brightness, contrast and saturation are multiplied by a factor from max(0, 1-v) to 1+v,
// the hue is turned by -hue to hue of a full circle (0 to 0.5). Applied to a picture with `probability`, always in this
// order, which torchvision shuffles. Contrast is about the mean grey of the picture. x [B,3,H,W] in [0,1]; of one
// channel, saturation and hue do nothing.
struct ColourJitter {
  double brightness = 0, contrast = 0, saturation = 0, hue = 0;
  double probability = 1;
};
Tensor colour_jitter(Operand x, const ColourJitter& jitter);

// The grey of each pixel, 0.2989 R + 0.587 G + 0.114 B, in all channels, with this probability a picture. x [B,3,H,W];
// of one channel x itself.
Tensor random_grayscale(Operand x, double probability = 0.1);

// torchvision's GaussianBlur, applied with `probability` (SimCLR: 0.5): a kernel of `size` x `size` pixels, odd, with a
// standard deviation drawn for each picture; edges reflect. x [B,C,H,W], sides > size/2. The two axes one after the
// other.
struct GaussianBlur {
  std::int64_t size = 3;
  Range deviation{0.1, 2};
  double probability = 1;
};
Tensor gaussian_blur(Operand x, const GaussianBlur& blur = {});

// Noise, of x of any dims. The results of the first are not clamped.
Tensor gaussian_noise(Operand x, double deviation);  // x + deviation * N(0, 1)
Tensor masking_noise(Operand x, double rate);        // 0 with probability `rate`, each element
Tensor salt_and_pepper(Operand x, double rate);      // 0 or 1, each with probability rate/2, each element

// A square of side `size` becomes 0, its middle anywhere in the picture, cut at the edges (DeVries & Taylor, "Improved
// Regularization of Convolutional Neural Networks with Cutout", 2017). x [B,C,H,W].
Tensor cutout(Operand x, std::int64_t size);

// (x - mean) / deviation of each channel of x [B,C,H,W].
Tensor normalise_channels(Operand x, const std::vector<double>& means, const std::vector<double>& deviations);

}  // namespace weft
