// The initial weights of fully connected models: the option --init.
#pragma once

#include "frontend/layers.h"
#include "frontend/model.h"

namespace weft::models {

Option init_option();
// Weights by the option; biases are 0, except with uniform_fan_in, which initialises them like weights.
Weights weights_of(const Settings& settings);

}  // namespace weft::models
