// Initialisers.
#include "frontend/init.h"

#include <cmath>

#include "ir/error.h"
#include "ir/text/suggest.h"

namespace weft {

namespace {

// A uniform distribution of the given variance, around 0.
ir::Init uniform_of_variance(double variance) {
  const double bound = std::sqrt(3 * variance);
  return ir::uniform_init(-bound, bound);
}

ir::Init normal_of_variance(double variance) { return ir::normal_init(0, std::sqrt(variance)); }

}  // namespace

ir::Init uniform_fan_in(Fan fan) {
  const double bound = 1 / std::sqrt(double(fan.in));
  return ir::uniform_init(-bound, bound);
}

ir::Init kaiming_uniform(Fan fan) { return uniform_of_variance(2 / double(fan.in)); }
ir::Init kaiming_normal(Fan fan) { return normal_of_variance(2 / double(fan.in)); }
ir::Init xavier_uniform(Fan fan) { return uniform_of_variance(2 / double(fan.in + fan.out)); }
ir::Init xavier_normal(Fan fan) { return normal_of_variance(2 / double(fan.in + fan.out)); }
ir::Init zeros(Fan) { return ir::constant_init(0); }
ir::Init ones(Fan) { return ir::constant_init(1); }

Initialiser uniform(double low, double high) {
  return [=](Fan) { return ir::uniform_init(low, high); };
}

Initialiser normal(double deviation) {
  return [=](Fan) { return ir::normal_init(0, deviation); };
}

Initialiser initialiser(const std::string& name) {
  struct Named {
    std::string name;
    Initialiser function;
  };
  static const std::vector<Named> table = {
      {"uniform_fan_in", uniform_fan_in},
      {"kaiming_uniform", kaiming_uniform},
      {"kaiming_normal", kaiming_normal},
      {"xavier_uniform", xavier_uniform},
      {"xavier_normal", xavier_normal},
      {"zeros", zeros},
      {"ones", ones},
  };
  std::vector<std::string> names;
  for (const Named& row : table) {
    if (row.name == name) return row.function;
    names.push_back(row.name);
  }
  fail("unknown initialiser '{}'{}", name, did_you_mean(name, names));
}

}  // namespace weft
