// The strengths of views, and their options.
#include "models/parts/views.h"

#include "ir/error.h"

namespace weft::models {

namespace {

constexpr const char* kUsual = "auto";  // the default of the kind of view

double number_or(const Settings& settings, const char* name, double usual) {
  return settings.text(name) == kUsual ? usual : settings.number(name);
}

double share_or(const Settings& settings, const char* name, double usual) {
  const double value = number_or(settings, name, usual);
  if (value < 0 || value > 1) throw OptionError(fmt::format("--{} takes a number from 0 to 1, got {}", name, value));
  return value;
}

// Changes brightness, contrast and saturation by `strength` and the hue by a quarter of it, with probability 0.8, as
// SimCLR does.
ColourJitter simclr_jitter(double strength) {
  return {.brightness = strength,
          .contrast = strength,
          .saturation = strength,
          .hue = strength / 4,
          .probability = strength > 0 ? 0.8 : 0};
}

}  // namespace

std::vector<Option> Views::options(const std::string& kind) {
  return {
      {"augment", kind, "views of the images: none, digits, colour, or auto (digits for grey images, else colour)"},
      {"crop", kUsual, "minimum share of the image that a view shows"},
      {"flip", kUsual, "probability of mirroring a view"},
      {"affine", kUsual, "strength of rotation, translation and shear: 1 is up to 15 degrees and a tenth of the size"},
      {"jitter", kUsual, "strength of changes in brightness, contrast and colour"},
      {"grey", kUsual, "probability of turning a view grey"},
      {"blur", kUsual, "probability of blurring a view"},
      {"view-noise", kUsual, "standard deviation of pixel noise"}};
}

Views::Views(const Settings& settings, Strength strength)
    : kind_(settings.choice("augment", {"auto", "none", "digits", "colour"})) {
  if (kind_ == "auto") kind_ = settings.channels() == 1 ? "digits" : "colour";
  const bool digits = kind_ == "digits", strong = strength == Strength::strong;

  const double least = share_or(settings, "crop", digits ? (strong ? 0.4 : 0.7) : (strong ? 0.2 : 0.5));
  if (least == 0) throw OptionError("--crop takes a number above 0 and up to 1, got 0");
  crop_.area = {least, 1};
  flip_ = share_or(settings, "flip", digits ? 0 : 0.5);
  const double affine = share_or(settings, "affine", digits ? 1 : 0);
  affine_ = {.degrees = 15 * affine,
             .translate_x = 0.1 * affine,
             .translate_y = 0.1 * affine,
             .scale = {1 - 0.1 * affine, 1 + 0.1 * affine},
             .shear_x_degrees = 10 * affine};
  jitter_ = simclr_jitter(share_or(settings, "jitter", digits || !strong ? 0 : 0.4));
  grey_ = share_or(settings, "grey", digits || !strong ? 0 : 0.1);
  blur_.probability = share_or(settings, "blur", 0);
  noise_ = number_or(settings, "view-noise", digits && strong ? 0.1 : 0);
}

Tensor Views::operator()(const Tensor& x) const {
  if (is_none()) return x;
  Affine map(x);
  map.crop(crop_);
  if (flip_ > 0) map.flip(flip_);
  if (affine_.degrees > 0) map.vary(affine_);
  Tensor view = map.sample(x);
  if (jitter_.probability > 0) view = colour_jitter(view, jitter_);
  if (grey_ > 0) view = random_grayscale(view, grey_);
  if (blur_.probability > 0) view = gaussian_blur(view, blur_);
  return noise_ > 0 ? gaussian_noise(view, noise_) : view;
}

}  // namespace weft::models
