// What docs/reference/ir.md, "Numbers", lets passes and backends change beyond rounding.
#pragma once

#include "tests/fuzz/graphs/subject.h"

namespace weft::fuzz {

// Whether a difference may be one of these, by the values that a static graph goes through on these inputs: an infinite
// term of a sum; a factor, a quotient or a sum beyond the range in which they may be taken in any order; the sine of
// an angle too large to have one. And where `stabilised`, whatever comes of an infinity or a NaN.
bool may_differ(const ir::Graph& graph, const Tensors& inputs, bool stabilised);

}  // namespace weft::fuzz
