// The noise of the denoising models.
#pragma once

#include <string>
#include <vector>

#include "frontend/model.h"
#include "frontend/tensor.h"

namespace weft::models {

// Spoils values in [0,1] in one of the ways of Vincent et al. 2010, anew each step. `level` is
//   gaussian         the standard deviation of what is added
//   masking          the share of the values that become 0
//   salt-and-pepper  the share of the values that become 0 or 1, either as likely
class Noise {
 public:
  // The options --noise and --noise-level of a model.
  static std::vector<Option> options(const std::string& kind, const std::string& level);
  explicit Noise(const Settings& settings);

  bool is_none() const { return kind_ == "none"; }
  Tensor operator()(const Tensor& x) const;

 private:
  std::string kind_;
  double level_;
};

}  // namespace weft::models
