// The noise of the denoising models.
#include "models/parts/noise.h"

#include "frontend/augment.h"

namespace weft::models {

std::vector<Option> Noise::options(const std::string& kind, const std::string& level) {
  return {{"noise", kind, "corruption of the encoder's input: none, gaussian, masking or salt-and-pepper"},
          {"noise-level", level, "standard deviation of gaussian noise; else the share of corrupted values"}};
}

Noise::Noise(const Settings& settings)
    : kind_(settings.choice("noise", {"none", "gaussian", "masking", "salt-and-pepper"})),
      level_(settings.number("noise-level")) {
  if (level_ < 0) throw OptionError(fmt::format("--noise-level takes a number of at least 0, got {}", level_));
  if (kind_ != "gaussian" && level_ > 1)
    throw OptionError(
        fmt::format("--noise-level is a share of the values with --noise {}: at most 1, got {}", kind_, level_));
}

Tensor Noise::operator()(const Tensor& x) const {
  if (is_none()) return x;
  const Scope scope("noise");
  if (kind_ == "gaussian") return gaussian_noise(x, level_);
  return kind_ == "masking" ? masking_noise(x, level_) : salt_and_pepper(x, level_);
}

}  // namespace weft::models
