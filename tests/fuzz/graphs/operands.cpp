// Values for an op to compute with: those that are there already, new inputs, constants, and broadcasts of either.
#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/reference/tensor.h"
#include "ir/error.h"
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

bool Generator::fits(const Type& type) const {
  std::int64_t count = 1;
  for (const Dim& dim : type.dims) count *= dim.factor * (dim.is_number() ? 1 : kLargestSymbol);
  return count <= settings_.most_elements;
}

Dim Generator::size() { return random_.chance(70) ? random_.pick(sizes_) : Dim(random_.pick(settings_.sizes)); }

Dims Generator::dims(std::size_t most_rank) {
  for (;;) {
    Dims dims(random_.below(most_rank + 1));
    for (Dim& dim : dims) dim = size();
    if (fits({DType::f32, dims})) return dims;
  }
}

DType Generator::float_dtype() {
  if (!settings_.narrow || random_.chance(85)) return DType::f32;
  return random_.chance(50) ? DType::bf16 : DType::f16;
}

DType Generator::dtype() {
  if (!settings_.beside_f32 || random_.chance(60)) return float_dtype();
  return random_.pick(ir::kDTypes);
}

double Generator::number(DType dtype) {
  static constexpr double kPlain[] = {0, 1, -1, 2, 0.5, -0.5, 3, 10, -2, 0.1, 4, -0.25, 1e-3, 255};
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();
  static constexpr double kExtreme[] = {-0.0,
                                        std::numeric_limits<double>::quiet_NaN(),
                                        kInfinity,
                                        -kInfinity,
                                        3.4028234663852886e38,
                                        -3.4028234663852886e38,
                                        1e-45,
                                        -1e-45,
                                        1.1754943508222875e-38,
                                        1e30,
                                        1e-30,
                                        65504,
                                        16777217,
                                        1e20,
                                        1e-20};
  static constexpr double kIntegers[] = {0, 1, -1, 2, 3, -7, 10, 127, 255, 256, 65536, 2147483647, -2147483647};
  switch (dtype) {
    case DType::f32:
    case DType::bf16:
    case DType::f16:
      return settings_.extremes && random_.chance(15) ? random_.pick(kExtreme) : random_.pick(kPlain);
    case DType::i32:
      return random_.pick(kIntegers);
    case DType::u8:
      return double(random_.chance(50) ? random_.below(4) : random_.below(256));
    case DType::boolean:
      return double(random_.below(2));
  }
  return 0;
}

ValueId Generator::input(Type type, const std::string& kind) {
  ir::Role role = ir::Role::data;
  ir::Init init;
  if (kind == "x") {
    const std::size_t choice = random_.below(10);
    const bool may_train = is_float(type.dtype);
    if (may_train && (settings_.differentiable ? choice < 7 : choice < 2)) {
      role = ir::Role::param;
      if (random_.chance(50)) init = random_.chance(50) ? ir::uniform_init(-0.1, 0.1) : ir::normal_init(0, 1e-3);
    } else if (choice == 8) {
      role = ir::Role::state;
      if (random_.chance(50)) init = ir::constant_init(number(type.dtype));
    } else if (choice == 9 && type.is_scalar()) {
      role = ir::Role::hyper;
      init = ir::constant_init(number(type.dtype));
    }
  }
  return maker_.input(fmt::format("{}_{}", kind, inputs_++), type, role, init);
}

// Numbers that the dtype holds: the interpreter computes in double here, in which others would differ from themselves
// once rounded.
ValueId Generator::constant(Type type) {
  std::vector<double> values{number(type.dtype)};
  if (type.is_static() && type.elements() > 1 && random_.chance(30))
    while (std::int64_t(values.size()) < type.elements()) values.push_back(number(type.dtype));
  for (double& value : values) value = reference::round_to(type.dtype, value);
  return maker_.add(OpCode::constant, {}, Attrs().set(Attr::values, values), type);
}

// A view of a tensor in a flat param, as `update` makes them: each slot begins at a multiple of 16.
ValueId Generator::slot(Type type) {
  std::vector<ir::Slot> slots;
  std::int64_t end = 0;
  const std::size_t count = 1 + random_.below(2), taken = random_.below(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Type each = i == taken ? type : ir::f32({random_.between(1, 5)});
    slots.push_back({fmt::format("slot_{}", i), each, end, ir::uniform_init(-0.1, 0.1)});
    end += (each.elements() + 15) / 16 * 16;
  }
  const ValueId flat = maker_.input(fmt::format("flat_{}", inputs_++), ir::f32({end}), ir::Role::param);
  const std::int64_t offset = slots[taken].offset;
  maker_.graph.inputs.back().slots = std::move(slots);
  return maker_.add(OpCode::view, {flat}, Attrs().set(Attr::offset, offset), type);
}

// A new value of this type.
ValueId Generator::fresh(Type type) {
  const std::size_t choice = random_.below(20);
  if (choice < 5) return constant(type);
  if (choice == 5 && type.rank() > 0 && (is_float(type.dtype) || type.dtype == DType::i32))
    return maker_.add(OpCode::iota, {}, Attrs().set(Attr::axis, std::int64_t(random_.below(type.rank()))), type);
  if (choice == 6 && type.dtype == DType::f32)
    return maker_.add(random_.chance(50) ? OpCode::random_uniform : OpCode::random_normal, {rng()},
                      Attrs().set(Attr::stream, std::int64_t(random_.below(4))), type);
  if (choice == 8 && type.dtype == DType::f32 && type.is_static()) return slot(type);
  if (choice == 7 && type.rank() > 0) {
    Type small = type;
    small.dims[random_.below(type.rank())] = 1;
    if (random_.chance(50)) small.dims.erase(small.dims.begin());
    return maker_.add(OpCode::broadcast, {of_type(small)}, {}, type);
  }
  return input(type);
}

ValueId Generator::of_type(Type type) {
  if (random_.chance(70))
    if (const Value value = find([&](const Type& each) { return each == type; })) return *value;
  return fresh(type);
}

ValueId Generator::any(bool floats_only) {
  const Value value =
      random_.chance(90) ? find([&](const Type& type) { return !floats_only || is_float(type.dtype); }) : Value();
  return value ? *value : fresh({floats_only ? float_dtype() : dtype(), dims()});
}

// A value that broadcasts with x, of its dtype: the same, one there is, or one of x's dims with some made 1, leading
// ones left out, or ones of x made more.
ValueId Generator::partner(ValueId x) {
  if (random_.chance(10)) return x;
  const Type type = maker_.type(x);
  if (random_.chance(50)) {
    const Value value = find([&](const Type& each) {
      if (each.dtype != type.dtype) return false;
      const std::optional<Dims> both = ir::broadcast(type.dims, each.dims);
      return both && fits({type.dtype, *both});
    });
    if (value) return *value;
  }
  if (random_.chance(25)) return constant({type.dtype, {}});
  Type other = type;
  for (Dim& dim : other.dims) {
    if (dim.is_one() ? random_.chance(30) : random_.chance(20)) dim = dim.is_one() ? size() : Dim(1);
  }
  while (!other.dims.empty() && random_.chance(25)) other.dims.erase(other.dims.begin());
  if (random_.chance(10)) other.dims.insert(other.dims.begin(), size());
  const std::optional<Dims> both = ir::broadcast(type.dims, other.dims);
  return of_type(both && fits({type.dtype, *both}) ? other : type);
}

// Rows of a table that has at least `rows`: an input, what iota counts, or constants.
ValueId Generator::indices(std::int64_t rows, const Dim& count) {
  const Type type = ir::i32({count});
  if (count.is_number() && count.factor <= rows && random_.chance(15))
    return maker_.add(OpCode::iota, {}, Attrs().set(Attr::axis, std::int64_t(0)), type);
  if (random_.chance(20)) {
    std::vector<double> values{double(random_.below(std::size_t(rows)))};
    while (count.is_number() && std::int64_t(values.size()) < count.factor)
      values.push_back(double(random_.below(std::size_t(rows))));
    return maker_.add(OpCode::constant, {}, Attrs().set(Attr::values, values), type);
  }
  return input(type, fmt::format("index{}", rows));
}

ValueId Generator::rng() {
  if (!rng_) rng_ = maker_.input("rng", ir::i32({4}), ir::Role::rng);
  return *rng_;
}

ValueId Generator::image() {
  const Value value = find([](const Type& type) {
    return type.rank() == 4 && is_float(type.dtype) &&
           std::all_of(type.dims.begin() + 1, type.dims.end(), [](const Dim& dim) { return dim.is_number(); });
  });
  if (value && random_.chance(80)) return *value;
  for (;;) {
    Type type{float_dtype(), {size()}};
    for (int i = 0; i < 3; ++i) type.dims.push_back(Dim(random_.pick(settings_.sizes)));
    if (fits(type)) return fresh(type);
  }
}

ValueId Generator::matrix() {
  const Value value = find([](const Type& type) { return type.rank() == 2 && is_float(type.dtype); });
  if (value && random_.chance(85)) return *value;
  for (;;)
    if (const Type type{float_dtype(), {size(), size()}}; fits(type)) return fresh(type);
}

ValueId Generator::matrices() {
  const Value value = find([](const Type& type) { return type.rank() > 2 && is_float(type.dtype); });
  if (value && random_.chance(85)) return *value;
  for (;;)
    if (const Type type{float_dtype(), {size(), size(), size()}}; fits(type)) return fresh(type);
}

}  // namespace weft::fuzz
