// What people write and passes look for: losses, norms, layers with bias and activation, sums of padded parts.
#include "tests/fuzz/graphs/generator.h"

namespace weft::fuzz {

using ir::Attr;
using ir::Attrs;
using ir::Dim;
using ir::Dims;
using ir::DType;
using ir::OpCode;
using ir::Type;
using ir::ValueId;

namespace {

Attrs axes(std::vector<std::int64_t> axes) { return Attrs().set(Attr::axes, std::move(axes)); }

}  // namespace

ValueId Generator::scalar(ValueId like, double number) {
  return maker_.add(OpCode::constant, {}, Attrs().set(Attr::values, std::vector<double>{number}),
                    Type{maker_.type(like).dtype, {}});
}

Generator::Value Generator::idiom() {
  switch (random_.below(8)) {
    case 0:
      return log_sum_exp();
    case 1:
      return softmax();
    case 2:
      return cross_entropy();
    case 3:
      return normalise();
    case 4:
      return dense();
    case 5:
      return padded_sum();
    case 6:
      return nt_xent();
    default:
      return chain();
  }
}

// log(sum(w * exp(x))), the weights left out, a mask or a value.
Generator::Value Generator::log_sum_exp() {
  const ValueId x = any(true);
  const Type type = maker_.type(x);
  if (type.rank() == 0) return {};
  ValueId term = maker_.add(OpCode::exp, {x});
  if (random_.chance(30)) term = maker_.add(OpCode::mul, {of_type(type), term});
  if (random_.chance(20)) term = maker_.add(OpCode::select, {of_type({DType::boolean, type.dims}), term, scalar(x, 0)});
  const auto axis = std::int64_t(random_.below(type.rank()));
  const ValueId sum = maker_.add(OpCode::reduce_sum, {term}, axes({axis}));
  return random_.chance(70) ? maker_.add(OpCode::log, {sum}) : maker_.add(OpCode::div, {term, sum});
}

Generator::Value Generator::softmax() {
  const ValueId x = any(true);
  const Type type = maker_.type(x);
  if (type.rank() == 0) return {};
  const Attrs last = axes({std::int64_t(type.rank()) - 1});
  ValueId shifted = x;
  if (random_.chance(40)) shifted = maker_.add(OpCode::sub, {x, maker_.add(OpCode::reduce_max, {x}, last)});
  const ValueId e = maker_.add(OpCode::exp, {shifted});
  const ValueId p = maker_.add(OpCode::div, {e, maker_.add(OpCode::reduce_sum, {e}, last)});
  if (random_.chance(40)) return maker_.add(OpCode::log, {p});
  return random_.chance(50) ? maker_.add(OpCode::mul, {p, maker_.add(OpCode::log, {p})}) : p;
}

// t log(s(x)) + (1 - t) log(1 - s(x)) and its parts.
Generator::Value Generator::cross_entropy() {
  const ValueId x = any(true), one = scalar(x, 1);
  const ValueId s = maker_.add(random_.chance(80) ? OpCode::sigmoid : OpCode::tanh, {x});
  const ValueId rest = maker_.add(OpCode::sub, {one, s});
  const ValueId log_s = maker_.add(OpCode::log, {s}), log_rest = maker_.add(OpCode::log, {rest});
  switch (random_.below(5)) {
    case 0:
      return log_s;
    case 1:
      return log_rest;
    case 2:
      return maker_.add(OpCode::log, {maker_.add(OpCode::add, {one, maker_.add(OpCode::exp, {x})})});
    case 3:
      return maker_.add(OpCode::mul, {x, maker_.add(OpCode::log, {x})});
    default:
      break;
  }
  const ValueId t = of_type(maker_.type(x));
  const ValueId first = maker_.add(OpCode::mul, {t, log_s});
  const ValueId second = maker_.add(OpCode::mul, {maker_.add(OpCode::sub, {one, t}), log_rest});
  return maker_.add(OpCode::add, {first, second});
}

// (x - mean) / sqrt(variance + e) over some axes, or x / |x|.
Generator::Value Generator::normalise() {
  const ValueId x = any(true);
  const Type type = maker_.type(x);
  if (type.rank() == 0) return {};
  const auto axis = std::int64_t(random_.below(type.rank()));
  const Dim count = type.dims[std::size_t(axis)];
  ValueId n = scalar(x, double(count.factor));
  if (!count.is_number() && type.dtype == DType::f32)
    n = maker_.add(OpCode::dim_size, {}, Attrs().set(Attr::dim, Dims{count}), ir::f32({}));
  ValueId centred = x;
  if (random_.chance(70)) {
    const ValueId mean = maker_.add(OpCode::div, {maker_.add(OpCode::reduce_sum, {x}, axes({axis})), n});
    centred = maker_.add(OpCode::sub, {x, mean});
  }
  const ValueId square = maker_.add(OpCode::mul, {centred, centred});
  ValueId variance = maker_.add(OpCode::div, {maker_.add(OpCode::reduce_sum, {square}, axes({axis})), n});
  variance = maker_.add(OpCode::add, {variance, scalar(x, 1e-3)});
  if (random_.chance(50)) return maker_.add(OpCode::div, {centred, maker_.add(OpCode::sqrt, {variance})});
  return maker_.add(OpCode::mul, {centred, maker_.add(OpCode::rsqrt, {variance})});
}

// A product or convolution, a bias behind it as numpy broadcasting writes it, or what only looks like one, an
// activation.
Generator::Value Generator::dense() {
  const bool images = random_.chance(50);
  const Value product = images ? convolution(random_.chance(70) ? OpCode::conv2d : OpCode::conv_transpose2d) : matmul();
  if (!product) return {};
  const Type type = maker_.type(*product);
  ValueId value = *product;
  if (random_.chance(80)) {
    Dims bias = images ? Dims{type.dims[1], 1, 1} : Dims{type.dims.back()};
    if (random_.chance(30)) bias.insert(bias.begin(), Dim(1));
    if (random_.chance(30)) bias = type.dims;
    for (Dim& dim : bias)
      if (random_.chance(20)) dim = 1;
    const ValueId b = of_type({type.dtype, bias});
    value = random_.chance(50) ? maker_.add(OpCode::add, {value, b}) : maker_.add(OpCode::add, {b, value});
  }
  if (random_.chance(30)) values_.push_back(*product);  // another use, perhaps
  return random_.chance(60) ? maker_.add(OpCode::relu, {value}) : value;
}

// The gradient of slices: parts put side by side in zeros and added, in some order, perhaps with a gap or an overlap.
Generator::Value Generator::padded_sum() {
  const ValueId x = any(true);
  const Type type = maker_.type(x);
  if (type.rank() == 0 || !type.is_static()) return {};
  const std::size_t axis = random_.below(type.rank());
  const std::size_t count = 2 + random_.below(2);
  Type whole = type;
  whole.dims[axis].factor = type.dims[axis].factor * std::int64_t(count) + std::int64_t(random_.below(2));
  if (!fits(whole)) return {};
  Value sum;
  for (std::size_t i = 0; i < count; ++i) {
    Dims start(type.rank(), Dim(0));
    const std::size_t place = random_.chance(85) ? i : random_.below(count);
    start[axis] = Dim(type.dims[axis].factor * std::int64_t(place));
    const ValueId part = i == 0 ? x : of_type(type);
    const ValueId padded = maker_.add(OpCode::pad, {part}, Attrs().set(Attr::start, start), whole);
    sum = sum ? maker_.add(OpCode::add, {*sum, padded}) : padded;
  }
  return sum;
}

// Simple algebra with constants: ((x * c) / d) + ...
Generator::Value Generator::chain() {
  static constexpr OpCode kCodes[] = {OpCode::add, OpCode::sub, OpCode::mul, OpCode::mul, OpCode::div,
                                      OpCode::div, OpCode::neg, OpCode::max, OpCode::pow, OpCode::abs};
  ValueId value = any(true);
  const std::size_t steps = 2 + random_.below(3);
  for (std::size_t i = 0; i < steps; ++i) {
    const OpCode code = random_.pick(kCodes);
    if (code == OpCode::neg || code == OpCode::abs) {
      value = maker_.add(code, {value});
      continue;
    }
    const Type type = maker_.type(value);
    const ValueId other = constant({type.dtype, random_.chance(60) ? Dims() : type.dims});
    if (code == OpCode::pow) {
      value = maker_.add(code, {maker_.add(OpCode::abs, {value}), other});
      continue;
    }
    value = random_.chance(70) ? maker_.add(code, {value, other}) : maker_.add(code, {other, value});
  }
  return value;
}

// What a mask over pairs of rows drops: each with itself, and one time in three something else too, or instead.
ValueId Generator::mask(const Dim& rows) {
  static constexpr OpCode kOthers[] = {OpCode::eq, OpCode::ne, OpCode::lt, OpCode::ge};
  const Type index = ir::i32({rows, rows});
  const ValueId row = maker_.add(OpCode::iota, {}, Attrs().set(Attr::axis, std::int64_t(0)), index);
  const ValueId column = maker_.add(OpCode::iota, {}, Attrs().set(Attr::axis, std::int64_t(1)), index);
  const ValueId diagonal = maker_.add(OpCode::eq, {row, column});
  if (random_.chance(66)) return diagonal;
  const ValueId shifted = maker_.add(OpCode::add, {column, constant(ir::i32({}))});
  const ValueId other =
      random_.chance(70) ? maker_.add(random_.pick(kOthers), {row, shifted}) : of_type({DType::boolean, {rows, rows}});
  return random_.chance(70) ? maker_.add(OpCode::logical_or, {diagonal, other}) : other;
}

// NT-Xent over rows in pairs, with one of the usual masks.
Generator::Value Generator::nt_xent() {
  const Dim rows = settings_.symbols && random_.chance(50) ? Dim("B", 2) : Dim(random_.chance(50) ? 2 : 4);
  const Type matrix{DType::f32, {rows, rows}}, type = ir::f32({rows, Dim(random_.between(1, 3))});
  if (!fits(matrix) || !fits(type)) return {};
  const ValueId x = of_type(type);
  ValueId s = maker_.add(OpCode::matmul, {x, x}, Attrs().set(Attr::transpose_b, std::int64_t(1)));
  if (random_.chance(70)) s = maker_.add(OpCode::div, {s, scalar(s, 0.5)});
  const ValueId diagonal = mask(rows);
  ValueId e = s;
  if (random_.chance(50))
    e = maker_.add(OpCode::exp, {maker_.add(OpCode::select, {diagonal, scalar(s, -1e9), s})});
  else
    e = maker_.add(OpCode::select, {diagonal, scalar(s, 0), maker_.add(OpCode::exp, {s})});
  return maker_.add(OpCode::log, {maker_.add(OpCode::reduce_sum, {e}, axes({1}))});
}

}  // namespace weft::fuzz
