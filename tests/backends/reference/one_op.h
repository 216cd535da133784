// The result of one op by the reference interpreter, and tensors to give it.
#pragma once

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backends/reference/reference.h"
#include "ir/builder.h"

namespace weft::test {

using ir::DType;
using ir::OpCode;
using reference::Tensor;
using Values = std::vector<double>;

// The result of one op.
template <typename Real = double>
Tensor evaluate(OpCode code, const std::vector<Tensor>& operands, ir::Attrs attrs = {},
                std::optional<ir::Type> type = {}) {
  ir::Builder builder("one");
  std::vector<ir::ValueId> ids;
  for (std::size_t i = 0; i < operands.size(); ++i)
    ids.push_back(builder.input("x" + std::to_string(i), operands[i].type));
  builder.output("y", builder.create(code, ids, std::move(attrs), std::move(type)));
  return reference::run<Real>(builder.take(), operands).front();
}

inline Tensor vector(Values values, DType dtype = DType::f32) {
  const auto length = std::int64_t(values.size());
  return {{dtype, {length}}, std::move(values)};
}
inline Tensor counting(ir::Dims dims, double first = 1) {
  Tensor result = reference::filled(ir::f32(std::move(dims)), 0);
  for (double& each : result.data) each = first++;
  return result;
}
inline double dot(const Tensor& a, const Tensor& b) {
  REQUIRE(a.type == b.type);
  double sum = 0;
  for (std::size_t i = 0; i < a.data.size(); ++i) sum += a.data[i] * b.data[i];
  return sum;
}
inline double sum_of(const Tensor& x) { return dot(x, reference::filled(x.type, 1)); }

}  // namespace weft::test
