// Sums of exponentials with their largest exponent taken out.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "passes/expr.h"

namespace weft::passes {

// Which values of a growing graph a param flows into.
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
  std::size_t next_ = 0;          // op to look at
};

// Whether x is at least 0 by its form, or NaN: exponentials, masks, and what is made of them without a sign.
bool is_nonnegative(Expr x);

// term = exp(maximum) * value along `axes`, where no exponent in `value` is above 0.
struct Shifted {
  Expr maximum;
  Expr value;
};
// Of a term that is an exponential, or one times a weight; nothing for others, and for what is shifted already.
std::optional<Shifted> shift(Expr term, const std::vector<std::int64_t>& axes, Trained& trained);

}  // namespace weft::passes
