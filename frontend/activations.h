// Activation functions beside those that are ops (ops.h: relu, sigmoid, tanh, softplus), and a look-up by name.
#pragma once

#include <functional>
#include <source_location>
#include <string>
#include <vector>

#include "frontend/ops.h"

namespace weft {

Tensor leaky_relu(Operand x, double slope = 0.01);  // x where x > 0, else slope * x
Tensor elu(Operand x, double alpha = 1.0);          // x where x > 0, else alpha * (e^x - 1)   (Clevert et al. 2016)
Tensor gelu(Operand x);                             // x * Phi(x), Phi the normal distribution (Hendrycks & Gimpel 2016)
Tensor silu(Operand x);                             // x * sigmoid(x)
Tensor identity(Operand x);                         // x

using Activation = std::function<Tensor(Operand)>;

// The activation of this name, as flags give it: activation("relu"). Throws Error with the nearest name if it is
// unknown.
Activation activation(const std::string& name);
std::vector<std::string> activation_names();

}  // namespace weft
