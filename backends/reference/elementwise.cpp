// Elementwise ops by their one meaning (ir/scalar.h), and reductions.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "backends/reference/index.h"
#include "backends/reference/kernels.h"
#include "ir/scalar.h"

namespace weft::reference {

using ir::Type;

namespace {

template <typename Number>
Tensor apply_everywhere(ir::OpCode code, const Operands& operands, const Type& type) {
  const Index dims = numbers(type.dims);
  std::vector<Index> strides;
  for (const Tensor* operand : operands) strides.push_back(broadcast_strides(numbers(operand->type.dims), dims));
  Tensor result{type, {}};
  result.data.reserve(std::size_t(type.elements()));
  std::array<Number, 3> x{};  // no elementwise op takes more
  for_each_position(dims, [&](const Index& position) {
    for (std::size_t i = 0; i < operands.size(); ++i) x[i] = Number(operands[i]->data[offset_of(position, strides[i])]);
    result.data.push_back(double(ir::apply_scalar<Number>(code, x.data())));
  });
  return result;
}

}  // namespace

template <typename Real>
Tensor elementwise(ir::OpCode code, const Operands& operands, const Type& type) {
  const bool any_float = std::any_of(operands.begin(), operands.end(),
                                     [](const Tensor* operand) { return is_float(operand->type.dtype); });
  // A float could not hold every i32.
  return any_float ? apply_everywhere<Real>(code, operands, type) : apply_everywhere<double>(code, operands, type);
}

template Tensor elementwise<float>(ir::OpCode, const Operands&, const Type&);
template Tensor elementwise<double>(ir::OpCode, const Operands&, const Type&);

Tensor reduce_sum(const Tensor& x, const Type& type) {
  Tensor result = filled(type, 0);
  const Index dims = numbers(x.type.dims);
  const Index strides = broadcast_strides(numbers(type.dims), dims);
  std::size_t i = 0;
  for_each_position(dims, [&](const Index& position) { result.data[offset_of(position, strides)] += x.data[i++]; });
  return result;
}

Tensor reduce_max(const Tensor& x, const Type& type) {
  Tensor result = filled(type, -std::numeric_limits<double>::infinity());
  const Index dims = numbers(x.type.dims);
  const Index strides = broadcast_strides(numbers(type.dims), dims);
  std::size_t i = 0;
  for_each_position(dims, [&](const Index& position) {
    double& best = result.data[offset_of(position, strides)];
    const double each = x.data[i++];
    if (each > best || std::isnan(each)) best = each;
  });
  return result;
}

}  // namespace weft::reference
