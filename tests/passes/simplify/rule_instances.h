// Small graphs that the rules of simplify rewrite, one or more a rule.
#pragma once

#include <string>
#include <vector>

namespace weft::test {

// What a rule promises of the numbers, besides NaN for NaN.
enum class Promise {
  exact,       // results differ by rounding at most, at every operand
  rearranges,  // so in exact arithmetic; infinities may make NaN of infinities and the reverse, but no number
};

// A graph whose result %r the rule rewrites. In `body` and `type`, T is a dtype. Operands are named by their dims: x,
// y, z T[5,7]; s, t T[]; col T[5,1]; row T[7]; wide T[1,7]; one T[1,1]; m T[7,3]; b, q bool[5,7]; u u8[5,7]; i i32[4];
// seed i32[4].
struct Instance {
  std::string rule, type, body;
  Promise promise = Promise::exact;
};

std::vector<Instance> all_instances();

}  // namespace weft::test
