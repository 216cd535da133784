// Runs DSL entries in the reference interpreter, to test what DSL functions compute.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "frontend/weft.h"

namespace weft::test {

using Numbers = std::vector<double>;
using Named = std::map<std::string, Numbers>;

// The outputs of a graph. Inputs that are not given take their initial value, which must be constant; seeds (role rng)
// default to 0.
Named evaluate(const ir::Graph& graph, const ir::Bindings& bind, const Named& inputs);

// The outputs of an entry that `fill` builds; `bind` sets the symbols.
Named evaluate(Mode mode, const std::function<void(Entry&)>& fill, const Named& inputs = {},
               const ir::Bindings& bind = {});

// The graph of an entry that `fill` builds.
ir::Graph graph_of(Mode mode, const std::function<void(Entry&)>& fill);

// The message of the Error that `action` throws, or "".
std::string error_of(const std::function<void()>& action);

}  // namespace weft::test
