// The option --init.
#include "models/parts/start.h"

namespace weft::models {

Option init_option() {
  return {"init", "uniform_fan_in", "initial weights: uniform_fan_in, or {xavier,kaiming}_{uniform,normal}"};
}

Weights weights_of(const Settings& settings) {
  Weights weights{initialiser(settings.text("init"))};
  if (settings.text("init") != "uniform_fan_in") weights.bias_initialiser = zeros;
  return weights;
}

}  // namespace weft::models
