// Subtracts the maximum exponent from sums of exponentials.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "passes/expr.h"

namespace weft::passes {

// The values of a growing graph that depend on a param.
class Trained {
 public:
  bool contains(Expr x) {
    const ir::Graph& graph = x.builder->graph();
    const bool is_new = is_trained_.empty();
    is_trained_.resize(graph.values.size(), false);
    for (const ir::Input& input : graph.inputs)
      if (is_new && input.role == ir::Role::param) is_trained_[input.value] = true;
    for (; next_ < graph.ops.size(); ++next_)
      for (const ir::ValueId operand : graph.ops[next_].operands)
        if (is_trained_[operand])
          for (const ir::ValueId result : graph.ops[next_].results) is_trained_[result] = true;
    return is_trained_[x.id];
  }

 private:
  std::vector<bool> is_trained_;  // by value
  std::size_t next_ = 0;          // next op to visit
};

// Whether the form of x guarantees x >= 0 or NaN: exponentials, masks, and combinations without a sign.
bool is_nonnegative(Expr x);

// term = exp(maximum) * value along `axes`; no exponent in `value` is above 0.
struct Shifted {
  Expr maximum;
  Expr value;
};
// Shifts an exponential with an optional weight; nothing for other terms and for terms already shifted.
std::optional<Shifted> shift(Expr term, const std::vector<std::int64_t>& axes, Trained& trained);

}  // namespace weft::passes
