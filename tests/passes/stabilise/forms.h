// What a person writes naively, as functions of a value.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "passes/expr.h"

namespace weft::test {

using passes::Expr;
using Values = std::vector<double>;
using Function = std::function<Expr(Expr)>;

inline std::vector<std::int64_t> axes(std::int64_t axis) { return {axis}; }

// A naive form, where it goes wrong in floats and what is right there.
struct Row {
  std::string name;
  Function naive;
  Values x;
  Values y, gradient;
  ir::Dims dims = {ir::Dim(std::int64_t(1))};  // of x; its length where it is a vector
};

std::vector<Row> rows();
ir::Type type_of(const Row& row);

// The textbook NT-Xent over the 2N rows [v1; v2], each L2-normalised, at temperature T: the ratio of exponentials with
// itself masked out.
Function nt_xent(double temperature);

}  // namespace weft::test
