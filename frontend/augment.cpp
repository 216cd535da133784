// Colour, blur and noise. Colours are separate planes [B,1,H,W], so operations that mix channels are elementwise.
#include "frontend/augment.h"

#include <algorithm>
#include <vector>

#include "frontend/recorder.h"
#include "ir/error.h"

namespace weft {

namespace {

using Planes = std::vector<Tensor>;  // one per channel, [B,1,H,W]

// Images with fixed sizes, and a way to fail at the operand's location.
struct Images {
  Tensor x;
  std::source_location location;
  Dim batch;
  std::int64_t channels = 0, height = 0, width = 0;

  explicit Images(const Operand& operand) : x(as_tensors({operand}).front()), location(operand.location()) {
    const Dims dims = x.dims();
    const auto is_number = [](const Dim& dim) { return dim.is_number(); };
    if (x.dtype() != DType::f32 || dims.size() != 4 || !std::all_of(dims.begin() + 1, dims.end(), is_number))
      fail(fmt::format("images must be f32[B,C,H,W] with numbers for C, H and W, got {}", ir::to_string(x.type())));
    batch = dims[0];
    channels = ir::number(dims[1]);
    height = ir::number(dims[2]);
    width = ir::number(dims[3]);
  }
  [[noreturn]] void fail(const std::string& what) const { x.recorder()->fail(location, what); }

  // One number per image.
  Tensor uniform(double low, double high) const {
    return low + (high - low) * random_uniform({batch, 1, 1, 1}, location);
  }
  Tensor chance(double probability) const { return random_uniform({batch, 1, 1, 1}, location) < probability; }

  // The planes of colour images; `what` requires one or three channels.
  Planes planes(const char* what) const {
    if (channels != 1 && channels != 3)
      fail(fmt::format("[{}] takes images of 1 or 3 channels, got {}", what, ir::to_string(x.type())));
    Planes result;
    for (std::int64_t c = 0; c < channels; ++c) result.push_back(slice(x, 1, c, c + 1));
    return result;
  }
};

void need(bool good, const Operand& x, const std::string& what) {
  if (!good) as_tensors({x}).front().recorder()->fail(x.location(), what);
}

void need_probability(double value, const Operand& x, const char* what) {
  need(value >= 0 && value <= 1, x, fmt::format("[{}] a probability is 0 to 1, got {}", what, value));
}

Tensor unit(const Tensor& x) { return clamp(x, 0, 1); }

Tensor grey(const Planes& planes) {
  if (planes.size() == 1) return planes[0];
  return 0.2989 * planes[0] + 0.587 * planes[1] + 0.114 * planes[2];
}

template <typename Change>
Planes each(const Planes& planes, Change change) {
  Planes result;
  for (const Tensor& plane : planes) result.push_back(change(plane));
  return result;
}

// factor * x + (1 - factor) * other, in [0,1].
Planes blend(const Planes& planes, const Tensor& other, const Tensor& factor) {
  const Tensor rest = (1 - factor) * other;
  return each(planes, [&](const Tensor& plane) { return unit(factor * plane + rest); });
}

// Rotates the hue by `turn` of a full circle, through HSV: the hue is in sixths of the circle; value and chroma stay.
Planes turn_hue(const Planes& rgb, const Tensor& turn) {
  const Tensor &r = rgb[0], &g = rgb[1], &b = rgb[2];
  const Tensor value = maximum(maximum(r, g), b);
  const Tensor chroma = value - minimum(minimum(r, g), b);
  const Tensor inverse = 1 / select(chroma == 0, 1, chroma);
  const Tensor hue =
      select(value == r, (g - b) * inverse, select(value == g, (b - r) * inverse + 2, (r - g) * inverse + 4)) +
      6 * turn;
  Planes result;
  for (const double shift : {5.0, 3.0, 1.0}) {
    const Tensor sixths = hue + shift;
    const Tensor k = sixths - 6 * floor(sixths * (1.0 / 6));
    result.push_back(value - chroma * unit(minimum(k, 4 - k)));
  }
  return result;
}

}  // namespace

Tensor colour_jitter(Operand operand, const ColourJitter& jitter) {
  const Composite call(operand);
  const Images images(operand);
  const auto factor = [&](double range, const char* what) {
    need(range >= 0, operand, fmt::format("[colour_jitter] the range of the {} is at least 0, got {}", what, range));
    return images.uniform(std::max(0.0, 1 - range), 1 + range);
  };
  need(jitter.hue >= 0 && jitter.hue <= 0.5, operand,
       fmt::format("[colour_jitter] the range of the hue is 0 to 0.5, got {}", jitter.hue));
  need_probability(jitter.probability, operand, "colour_jitter");
  const Planes before = images.planes("colour_jitter");
  Planes planes = before;
  if (jitter.brightness != 0) {
    const Tensor by = factor(jitter.brightness, "brightness");
    planes = each(planes, [&](const Tensor& plane) { return unit(plane * by); });
  }
  if (jitter.contrast != 0)
    planes = blend(planes, mean(grey(planes), {1, 2, 3}, true), factor(jitter.contrast, "contrast"));
  if (jitter.saturation != 0 && planes.size() == 3)
    planes = blend(planes, grey(planes), factor(jitter.saturation, "saturation"));
  if (jitter.hue != 0 && planes.size() == 3) planes = turn_hue(planes, images.uniform(-jitter.hue, jitter.hue));
  if (jitter.probability < 1) {
    const Tensor applies = images.chance(jitter.probability);
    for (std::size_t c = 0; c < planes.size(); ++c) planes[c] = select(applies, planes[c], before[c]);
  }
  return concat(planes, 1, operand.location());
}

Tensor random_grayscale(Operand operand, double probability) {
  const Composite call(operand);
  const Images images(operand);
  need_probability(probability, operand, "random_grayscale");
  const Planes planes = images.planes("random_grayscale");
  if (planes.size() == 1) return images.x;
  const Tensor applies = images.chance(probability), level = grey(planes);
  return concat(each(planes, [&](const Tensor& plane) { return select(applies, level, plane); }), 1,
                operand.location());
}

// Blur

namespace {

// x with `radius` more rows or columns on both sides, mirrored about the outermost row or column.
Tensor reflect(const Tensor& x, int axis, std::int64_t size, std::int64_t radius) {
  std::vector<Tensor> parts;
  for (std::int64_t i = radius; i > 0; --i) parts.push_back(slice(x, axis, i, i + 1));
  parts.push_back(x);
  for (std::int64_t i = 1; i <= radius; ++i) parts.push_back(slice(x, axis, size - 1 - i, size - i));
  return concat(parts, axis);
}

// The sum of weights[|i|] times x shifted by i along the axis.
Tensor spread(const Tensor& x, int axis, std::int64_t size, const std::vector<Tensor>& weights) {
  const auto radius = std::int64_t(weights.size()) - 1;
  const Tensor padded = reflect(x, axis, size, radius);
  Tensor total = weights[0] * x;
  for (std::int64_t i = 1; i <= radius; ++i)
    total = total + weights[std::size_t(i)] * (slice(padded, axis, radius - i, radius - i + size) +
                                               slice(padded, axis, radius + i, radius + i + size));
  return total;
}

}  // namespace

Tensor gaussian_blur(Operand operand, const GaussianBlur& blur) {
  const Composite call(operand);
  const Images images(operand);
  const std::int64_t radius = blur.size / 2, smaller = std::min(images.height, images.width);
  need(blur.size > 0 && blur.size % 2 == 1, operand,
       fmt::format("[gaussian_blur] the size of the kernel must be odd, got {}", blur.size));
  need(radius < smaller, operand,
       fmt::format("[gaussian_blur] a kernel of {} pixels reaches beyond the reflected edge of images of {} x {}",
                   blur.size, images.height, images.width));
  need(blur.deviation.low > 0 && blur.deviation.low <= blur.deviation.high, operand,
       fmt::format("[gaussian_blur] the range of the deviation must rise and be above 0, got {} to {}",
                   blur.deviation.low, blur.deviation.high));
  need_probability(blur.probability, operand, "gaussian_blur");
  // An image that is not blurred has all its weight in the centre.
  const Tensor drawn = images.uniform(blur.deviation.low, blur.deviation.high);
  const Tensor deviation = blur.probability < 1 ? select(images.chance(blur.probability), drawn, 1e-3) : drawn;
  const Tensor inverse = 1 / deviation;
  std::vector<Tensor> weights = {constant(1, {images.batch, 1, 1, 1})};
  Tensor total = weights[0];
  for (std::int64_t i = 1; i <= radius; ++i) {
    weights.push_back(exp(-0.5 * square(double(i) * inverse)));
    total = total + 2 * weights.back();
  }
  for (Tensor& weight : weights) weight = weight / total;
  return spread(spread(images.x, 3, images.width, weights), 2, images.height, weights);
}

// Noise

Tensor gaussian_noise(Operand operand, double deviation) {
  const Composite call(operand);
  need(deviation >= 0, operand, fmt::format("[gaussian_noise] the deviation is at least 0, got {}", deviation));
  const Tensor x = as_tensors({operand}).front();
  return x + deviation * random_normal(x.dims());
}

Tensor masking_noise(Operand operand, double rate) {
  const Composite call(operand);
  need_probability(rate, operand, "masking_noise");
  const Tensor x = as_tensors({operand}).front();
  return select(random_uniform(x.dims()) < rate, 0, x);
}

Tensor salt_and_pepper(Operand operand, double rate) {
  const Composite call(operand);
  need_probability(rate, operand, "salt_and_pepper");
  const Tensor x = as_tensors({operand}).front();
  const Tensor draw = random_uniform(x.dims());
  return select(draw < rate / 2, 0, select(draw < rate, constant(1), x));
}

Tensor cutout(Operand operand, std::int64_t size) {
  const Composite call(operand);
  const Images images(operand);
  need(size >= 0, operand, fmt::format("[cutout] the side of the square is at least 0, got {}", size));
  // Whether a row or column lies within size/2 of a centre drawn uniformly along the axis.
  const auto within = [&](std::int64_t length, int axis) {
    Dims dims(4, Dim(1));
    dims[std::size_t(axis)] = length;
    const std::int64_t half = size / 2;
    const Tensor first = floor(images.uniform(0, double(length))) - double(half);
    const Tensor index = iota(dims, axis, DType::f32);
    return (index >= first) & (index < first + double(size));
  };
  return select(within(images.height, 2) & within(images.width, 3), 0, images.x);
}

Tensor normalise_channels(Operand operand, const std::vector<double>& means, const std::vector<double>& deviations) {
  const Composite call(operand);
  const Images images(operand);
  need(std::int64_t(means.size()) == images.channels && std::int64_t(deviations.size()) == images.channels, operand,
       fmt::format("[normalise_channels] needs one mean and one deviation per channel, got {} and {} for {}",
                   means.size(), deviations.size(), ir::to_string(images.x.type())));
  need(std::all_of(deviations.begin(), deviations.end(), [](double each) { return each > 0; }), operand,
       "[normalise_channels] deviations must be above 0");
  const Dims dims{1, images.channels, 1, 1};
  std::vector<double> inverse;
  for (const double deviation : deviations) inverse.push_back(1 / deviation);
  return (images.x - constant(means, dims)) * constant(inverse, dims);
}

}  // namespace weft
