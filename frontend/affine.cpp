// Affine maps as graphs of six numbers per image, and the resampling they share.
#include "frontend/affine.h"

#include <cmath>
#include <numbers>

#include "frontend/recorder.h"
#include "ir/error.h"

namespace weft {

namespace {

bool is_number(const Operand& operand, double value) { return !operand.tensor() && operand.number() == value; }

// Arithmetic on matrix entries; numbers stay numbers.
Operand times(const Operand& a, const Operand& b) {
  if (is_number(a, 0) || is_number(b, 0)) return {0.0, a.location()};
  if (is_number(a, 1)) return b;
  if (is_number(b, 1)) return a;
  if (!a.tensor() && !b.tensor()) return {a.number() * b.number(), a.location()};
  return {a * b, a.location()};
}

Operand plus(const Operand& a, const Operand& b) {
  if (is_number(a, 0)) return b;
  if (is_number(b, 0)) return a;
  if (!a.tensor() && !b.tensor()) return {a.number() + b.number(), a.location()};
  return {a + b, a.location()};
}

void check_range(const Range& range, const char* what, double least, double most,
                 const std::source_location& location) {
  if (range.low >= least && range.low <= range.high && range.high <= most) return;
  Recorder::current(location)->fail(location, fmt::format("the range of the {} must rise within {} to {}, got {} to {}",
                                                          what, least, most, range.low, range.high));
}

void check_probability(double probability, const char* what, const std::source_location& location) {
  if (probability >= 0 && probability <= 1) return;
  Recorder::current(location)->fail(location,
                                    fmt::format("the probability of {} is 0 to 1, got {}", what, probability));
}

constexpr double kHuge = 1e30;
constexpr double kRadians = std::numbers::pi / 180;

}  // namespace

Affine::Affine(Operand images)
    : matrix_{Operand(1.0, images.location()), Operand(0.0, images.location()), Operand(0.0, images.location()),
              Operand(0.0, images.location()), Operand(1.0, images.location()), Operand(0.0, images.location())} {
  const Tensor x = as_tensors({images}).front();
  const Dims dims = x.dims();
  if (x.dtype() != DType::f32 || dims.size() != 4 || !dims[2].is_number() || !dims[3].is_number())
    x.recorder()->fail(images.location(), fmt::format("images must be f32[B,C,H,W] with numbers for H and W, got {}",
                                                      ir::to_string(x.type())));
  batch_ = dims[0];
  height_ = ir::number(dims[2]);
  width_ = ir::number(dims[3]);
}

// A later augmentation sees the result of the earlier ones, so coordinates of the result go through its map first.
Affine& Affine::then(const Matrix& map) {
  const Matrix& m = matrix_;
  const auto entry = [&](std::size_t row, std::size_t column) {
    const Operand sum = plus(times(m[3 * row], map[column]), times(m[3 * row + 1], map[3 + column]));
    return column == 2 ? plus(sum, m[3 * row + 2]) : sum;
  };
  matrix_ = {entry(0, 0), entry(0, 1), entry(0, 2), entry(1, 0), entry(1, 1), entry(1, 2)};
  return *this;
}

Tensor Affine::uniform(const Range& range, const std::source_location& location) const {
  return range.low + (range.high - range.low) * random_uniform({batch_, 1, 1}, location);
}

// -1 with the given probability, else 1.
Operand Affine::sign(double probability, const std::source_location& location) const {
  return select(random_uniform({batch_, 1, 1}, location) < probability, constant(-1.0, {}, DType::f32, location), 1.0);
}

Affine& Affine::crop(const Crop& crop, std::source_location location) {
  check_range(crop.area, "area of a crop", 0, 1, location);
  check_range(crop.ratio, "ratio of a crop", 1e-6, 1e6, location);
  const Composite call(Operand(0.0, location));
  const Tensor area = sqrt(uniform(crop.area, location)) * std::sqrt(double(height_ * width_));
  const Tensor ratio = exp(uniform({std::log(crop.ratio.low) / 2, std::log(crop.ratio.high) / 2}, location));
  // Sides as shares of the image's sides, then the centre, chosen so that no sample lies outside the centres of the
  // outermost pixels.
  const Tensor width = minimum(area * ratio * (1.0 / double(width_)), 1);
  const Tensor height = minimum(area / ratio * (1.0 / double(height_)), 1);
  const Tensor x = uniform({-1, 1}, location) * (1 - width) * (1 - 1.0 / double(width_));
  const Tensor y = uniform({-1, 1}, location) * (1 - height) * (1 - 1.0 / double(height_));
  return then({width, 0.0, x, 0.0, height, y});
}

Affine& Affine::flip(double probability, std::source_location location) {
  check_probability(probability, "a flip", location);
  const Composite call(Operand(0.0, location));
  return then({sign(probability, location), 0.0, 0.0, 0.0, 1.0, 0.0});
}

Affine& Affine::flip_vertically(double probability, std::source_location location) {
  check_probability(probability, "a flip", location);
  const Composite call(Operand(0.0, location));
  return then({1.0, 0.0, 0.0, 0.0, sign(probability, location), 0.0});
}

Affine& Affine::turn(Operand operand) {
  const Composite call(operand);
  const Tensor turns = as_tensors({operand}).front();
  if (height_ != width_)
    turns.recorder()->fail(operand.location(), fmt::format("[turn] only square images turn by 90 degrees, these are {} "
                                                           "high and {} wide: crop or pad them first",
                                                           height_, width_));
  if (turns.dtype() != DType::i32 || turns.dims() != Dims{batch_})
    turns.recorder()->fail(operand.location(), fmt::format("[turn] one number of turns per image, i32[{}], got {}",
                                                           ir::to_string(batch_), ir::to_string(turns.type())));
  const Tensor all = cast(reshape(turns, {batch_, 1, 1}), DType::f32);
  const Tensor quarter = all - 4 * floor(all * 0.25);
  const Tensor cosine = select(quarter == 0, 1, select(quarter == 2, constant(-1), 0));
  const Tensor sine = select(quarter == 1, 1, select(quarter == 3, constant(-1), 0));
  return then({cosine, -sine, 0.0, sine, cosine, 0.0});
}

// The inverse of torchvision's map T(translation) R(angle) Shear Scale, because the op maps coordinates of the result
// to those of the source.
Affine& Affine::vary(const AffineRange& range, std::source_location location) {
  check_range(range.scale, "scale", 1e-6, kHuge, location);
  const Composite call(Operand(0.0, location));
  const auto either_way = [&](double most, const char* what) -> Operand {
    check_range({0, most}, what, 0, kHuge, location);
    return most == 0 ? Operand(0.0, location) : Operand(uniform({-most, most}, location), location);
  };
  const auto sine = [&](const Operand& angle) { return angle.tensor() ? Operand(sin(angle)) : Operand(0.0); };
  const auto cosine = [&](const Operand& angle) { return angle.tensor() ? Operand(cos(angle)) : Operand(1.0); };
  const auto over = [&](const Operand& a, const Operand& b) { return is_number(b, 1) ? a : Operand(a / b); };
  const auto negative = [&](const Operand& a) { return times(a, -1.0); };
  const Operand angle = either_way(range.degrees * kRadians, "rotation");
  const Operand shear_x = either_way(range.shear_x_degrees * kRadians, "shear");
  const Operand shear_y = either_way(range.shear_y_degrees * kRadians, "shear");
  const Operand x = either_way(2 * range.translate_x, "translation");
  const Operand y = either_way(2 * range.translate_y, "translation");
  const bool scales = range.scale.low != 1 || range.scale.high != 1;
  const Operand shrink = scales ? Operand(1 / uniform(range.scale, location), location) : Operand(1.0, location);

  // [[a, b], [c, d]] has determinant 1.
  const Operand tilted = plus(angle, negative(shear_y));
  const Operand tangent = over(sine(shear_x), cosine(shear_x));
  const Operand a = over(cosine(tilted), cosine(shear_y)), c = over(sine(tilted), cosine(shear_y));
  const Operand b = negative(plus(times(a, tangent), sine(angle)));
  const Operand d = plus(negative(times(c, tangent)), cosine(angle));
  const double aspect = double(height_) / double(width_);  // coordinates run over [-1, 1] in both directions
  const Operand m00 = times(shrink, d), m01 = times(times(shrink, negative(b)), aspect);
  const Operand m10 = times(times(shrink, negative(c)), 1 / aspect), m11 = times(shrink, a);
  return then(
      {m00, m01, negative(plus(times(m00, x), times(m01, y))), m10, m11, negative(plus(times(m10, x), times(m11, y)))});
}

Tensor Affine::theta(std::source_location location) const {
  const Composite call(Operand(0.0, location));
  // Broadcasts each entry over [B,2,3] and keeps it at its own position: one kernel.
  Tensor all = as_tensors({matrix_[5]}).front();
  for (std::size_t i = 5; i-- > 0;) {
    std::vector<double> own(6, 0);
    own[i] = 1;
    all = select(constant(own, {1, 2, 3}, DType::boolean, location), as_tensors({matrix_[i]}).front(), all);
  }
  return broadcast(all, {batch_, 2, 3}).named("theta");
}

Tensor Affine::sample(Operand x) const { return sample(x, height_, width_); }

Tensor Affine::sample(Operand operand, std::int64_t height, std::int64_t width) const {
  const Composite call(operand);
  return affine_sample(operand, theta(operand.location()), height, width);
}

Tensor random_resized_crop(Operand x, const Crop& crop) {
  const Composite call(x);
  return Affine(x).crop(crop, x.location()).sample(x);
}

Tensor random_flip(Operand x, double probability) {
  const Composite call(x);
  return Affine(x).flip(probability, x.location()).sample(x);
}

Tensor random_affine(Operand x, const AffineRange& range) {
  const Composite call(x);
  return Affine(x).vary(range, x.location()).sample(x);
}

Tensor rotate90(Operand x, Operand turns) {
  const Composite call(x);
  return Affine(x).turn(turns).sample(x);
}

Rotations rotation_batch(Operand operand) {
  const Composite call(operand);
  const Tensor x = as_tensors({operand}).front();
  const Dim batch = x.dim(0, operand.location()), all(batch.symbol, 4 * batch.factor);
  const Tensor number = iota({all}, 0, DType::f32, operand.location());
  const Tensor source = floor(number * 0.25);
  const Tensor labels = cast(number - 4 * source, DType::i32);
  return {rotate90(Operand(gather(x, cast(source, DType::i32)), operand.location()), labels), labels};
}

}  // namespace weft
