// Convolutions by Winograd's F(4x4,3x3) as generated kernels: 4x4 pixels of the result at a time, by 36 products in
// place of 144. Which convolutions, and in which parts.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/program/fields.h"

namespace weft::cpu {

enum class WinogradPart : std::uint8_t {
  kernels,  // once a step, for `result`. Buffers: w, kernels
  result,   // of the forward and the data direction. Buffers: image, kernels, [bias], result
  weights,  // Buffers: x, y, w
};

// One kernel; images are f32 and channels-last, weights row-major. `in` and `out`: channels of what is read and of what
// is made; of x and y for `weights`.
struct Winograd {
  std::string name;
  WinogradPart part = WinogradPart::result;
  std::int64_t images = 0, height = 0, width = 0, in = 0, out = 0;
  bool is_turned = false;  // for the data direction: w is [in,out,3,3], and turned by 180 degrees
  bool bias = false;
  std::string activation = {};  // "" or "relu"

  std::int64_t tiles() const { return images * ((height + 3) / 4) * ((width + 3) / 4); }
};

// The rule of shapes, the same for every machine: kernels of 3x3, stride 1 and padding 1, between multiples of 16
// channels, at least 32, with so many tiles that these outweigh the transform of the kernels and fill their blocks.
bool suits_winograd(const weft_convolution_step& convolution);
// Whether its kernels are faster than oneDNN's, which have a Winograd convolution of their own on AVX-512; measured in
// docs/evidence/contractions.md.
bool is_faster_by_winograd(const weft_convolution_step& convolution, bool avx512);
Winograd winograd_of(const weft_convolution_step& convolution, WinogradPart part, const std::string& name);
std::size_t winograd_kernels_bytes(const weft_convolution_step& convolution);

// "winograd NAME: result of 64 images 32x32, 32 to 64 channels, bias, relu".
std::string to_string(const Winograd& winograd);

}  // namespace weft::cpu
