// How the weights of fully connected models start: the option --init.
#pragma once

#include "frontend/layers.h"
#include "frontend/model.h"

namespace weft::models {

Option init_option();
// Weights as the option says; biases from 0, but for uniform_fan_in, which starts them as it does weights.
Weights weights_of(const Settings& settings);

}  // namespace weft::models
