// The rule of shapes for Winograd convolution.
#include "backends/cpu/winograd.h"

#include <fmt/core.h>

#include <algorithm>

namespace weft::cpu {

namespace {

constexpr std::int64_t kLeastChannels = 32;  // less, and the transforms cost more than the products save
constexpr std::int64_t kChannelStep = 16;    // whole vectors on every machine
constexpr std::int64_t kLeastTiles = 48;
constexpr std::int64_t kLargeWeights = 256 * 256;  // pass through the caches for each block of tiles
constexpr double kLeastUse = 0.5;                  // of the pixels of all tiles, those that are in the image

bool all_are(const std::int64_t (&numbers)[2], std::int64_t wanted) {
  return std::all_of(numbers, numbers + 2, [wanted](std::int64_t each) { return each == wanted; });
}

bool suits(std::int64_t channels) { return channels >= kLeastChannels && channels % kChannelStep == 0; }

}  // namespace

bool suits_winograd(const weft_convolution_step& c) {
  if (c.channels_last == 0 || c.groups != 1 || c.w[2] != 3 || c.w[3] != 3) return false;
  if (!all_are(c.stride, 1) || !all_are(c.padding, 1) || !all_are(c.dilation, 1)) return false;
  const Winograd all = winograd_of(c, WinogradPart::result, "");
  const double pixels = double(c.y[0] * c.y[2] * c.y[3]);
  return suits(c.x[1]) && suits(c.y[1]) && all.tiles() >= kLeastTiles && pixels >= kLeastUse * 16 * double(all.tiles());
}

bool is_faster_by_winograd(const weft_convolution_step& c, bool avx512) {
  return !avx512 || c.x[1] * c.y[1] < kLargeWeights;
}

Winograd winograd_of(const weft_convolution_step& c, WinogradPart part, const std::string& name) {
  Winograd winograd{name, part, c.y[0], c.y[2], c.y[3], c.x[1], c.y[1], c.direction == WEFT_BACK_TO_X};
  if (winograd.is_turned) std::swap(winograd.in, winograd.out);
  if (part != WinogradPart::result) return winograd;
  winograd.bias = c.bias != 0;
  winograd.activation = c.activation;
  return winograd;
}

std::size_t winograd_kernels_bytes(const weft_convolution_step& c) {
  return std::size_t(36 * c.x[1] * c.y[1]) * sizeof(float);
}

std::string to_string(const Winograd& winograd) {
  constexpr const char* kParts[] = {"kernels", "result", "weights"};
  return fmt::format("winograd {}: {} of {} images {}x{}, {} to {} channels{}{}{}", winograd.name,
                     kParts[int(winograd.part)], winograd.images, winograd.height, winograd.width, winograd.in,
                     winograd.out, winograd.is_turned ? ", turned" : "", winograd.bias ? ", bias" : "",
                     winograd.activation.empty() ? "" : ", " + winograd.activation);
}

}  // namespace weft::cpu
