// Initialisers. An initialiser maps the fan-in and fan-out of a unit to a distribution; the runtime draws from it, as a
// function of the run's seed and the parameter's name.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace weft {

// Connections of a weight: inputs of each output, and outputs of each input.
struct Fan {
  std::int64_t in = 1, out = 1;
};
using Initialiser = std::function<ir::Init(Fan)>;

ir::Init uniform_fan_in(Fan fan);   // +-1/sqrt(fan_in), PyTorch's default for Linear and convolutions
ir::Init kaiming_uniform(Fan fan);  // variance 2/fan_in, for relu (He et al. 2015)
ir::Init kaiming_normal(Fan fan);
ir::Init xavier_uniform(Fan fan);  // variance 2/(fan_in + fan_out), for tanh and sigmoid (Glorot & Bengio 2010)
ir::Init xavier_normal(Fan fan);
ir::Init zeros(Fan fan = {});
ir::Init ones(Fan fan = {});
Initialiser uniform(double low, double high);
Initialiser normal(double deviation);  // mean 0

// For flags: initialiser("xavier_uniform") returns the function of that name above.
Initialiser initialiser(const std::string& name);

}  // namespace weft
