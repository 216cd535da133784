// The noise of the denoising models.
#pragma once

#include <string>
#include <vector>

#include "frontend/model.h"
#include "frontend/tensor.h"

namespace weft::models {

// Corrupts values in [0,1] in one of the ways of Vincent et al. 2010, with new draws each step. `level` is
//   gaussian         the standard deviation of the noise
//   masking          the share of values set to 0
//   salt-and-pepper  the share of values set to 0 or 1, with equal probability
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
