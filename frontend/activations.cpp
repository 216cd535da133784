// Activation functions.
#include "frontend/activations.h"

#include <numbers>

#include "frontend/recorder.h"
#include "ir/error.h"
#include "ir/text/suggest.h"

namespace weft {

Tensor identity(Operand x) { return as_tensors({x}).front(); }

Tensor leaky_relu(Operand x, double slope) {
  const Composite call(x);
  return select(x > 0, x, x * slope);
}

Tensor elu(Operand x, double alpha) {
  const Composite call(x);
  // The minimum keeps expm1 of large x, which overflows, out of the gradient.
  return select(x > 0, x, alpha * expm1(minimum(x, 0)));
}

Tensor gelu(Operand x) {
  const Composite call(x);
  return x * (0.5 * (1 + erf(x * (1 / std::numbers::sqrt2))));
}

Tensor silu(Operand x) {
  const Composite call(x);
  return x * sigmoid(x);
}

namespace {

struct Named {
  std::string name;
  Activation function;
};

const std::vector<Named>& table() {
  static const std::vector<Named> rows = {
      {"relu", relu},
      {"leaky_relu", [](Operand x) { return leaky_relu(x); }},
      {"elu", [](Operand x) { return elu(x); }},
      {"gelu", gelu},
      {"silu", silu},
      {"sigmoid", sigmoid},
      {"tanh", tanh},
      {"softplus", softplus},
      {"identity", identity},
  };
  return rows;
}

}  // namespace

std::vector<std::string> activation_names() {
  std::vector<std::string> names;
  for (const Named& row : table()) names.push_back(row.name);
  return names;
}

Activation activation(const std::string& name) {
  for (const Named& row : table())
    if (row.name == name) return row.function;
  fail("unknown activation '{}'{}", name, did_you_mean(name, activation_names()));
}

}  // namespace weft
