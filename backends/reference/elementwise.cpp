// Elementwise ops by their definition (ir/scalar.h), and reductions.
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

// A float beyond the range of i32 becomes the nearest i32; NaN becomes 0.
double whole_of(double value) {
  if (std::isnan(value)) return 0;
  return std::clamp(std::trunc(value), -0x1p31, 0x1p31 - 1);
}

// The low bits of a product, which a double would round.
double multiplied(double a, double b) {
  const auto product = std::uint64_t(std::int64_t(a)) * std::uint64_t(std::int64_t(b));
  return double(std::int32_t(std::uint32_t(product)));
}

template <typename Number>
Tensor apply_everywhere(ir::OpCode code, const Operands& operands, const Type& type) {
  const bool wraps = code == ir::OpCode::mul && type.dtype == ir::DType::i32;
  const Index dims = numbers(type.dims);
  std::vector<Index> strides;
  for (const Tensor* operand : operands) strides.push_back(broadcast_strides(numbers(operand->type.dims), dims));
  Tensor result{type, {}};
  result.data.reserve(std::size_t(type.elements()));
  std::array<Number, 3> x{};  // no elementwise op takes more
  for_each_position(dims, [&](const Index& position) {
    for (std::size_t i = 0; i < operands.size(); ++i) x[i] = Number(operands[i]->data[offset_of(position, strides[i])]);
    result.data.push_back(wraps ? multiplied(double(x[0]), double(x[1]))
                                : double(ir::apply_scalar<Number>(code, x.data())));
  });
  return result;
}

}  // namespace

template <typename Real>
Tensor elementwise(ir::OpCode code, const Operands& operands, const Type& type) {
  const Tensor& first = *operands[0];
  if (code == ir::OpCode::cast && is_float(first.type.dtype) &&
      (type.dtype == ir::DType::i32 || type.dtype == ir::DType::u8)) {
    Tensor result{type, first.data};
    for (double& each : result.data) each = whole_of(each);
    return result;
  }
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
