// Random sources, elementwise ops and reductions.
#include <algorithm>

#include "ir/builder.h"
#include "ir/error.h"
#include "tests/fuzz/graphs/generator.h"

namespace weft::fuzz {

using ir::Attr;
using ir::Attrs;
using ir::DType;
using ir::OpCode;
using ir::Type;
using ir::ValueId;

namespace {

// The dtypes that an elementwise op takes, by the type rules themselves.
const std::vector<DType>& dtypes_of(OpCode code) {
  static const auto table = [] {
    std::vector<std::vector<DType>> all(ir::op_table().size());
    for (std::size_t i = 0; i < all.size(); ++i)
      for (const DType dtype : ir::kDTypes) try {
          const ir::OpInfo& row = ir::op_table()[i];
          if (row.kind != ir::OpKind::elementwise) break;
          const Type scalar{dtype, {}};
          const std::optional<Type> written = row.has(ir::Trait::typed) ? std::optional(scalar) : std::nullopt;
          ir::infer(OpCode(i), std::vector<Type>(std::size_t(row.min_arity), scalar), {}, written);
          all[i].push_back(dtype);
        } catch (const Error&) {
          continue;
        }
    return all;
  }();
  return table[std::size_t(code)];
}

}  // namespace

Generator::Value Generator::source(OpCode code) {
  const ir::Dims shape = dims();
  if (code == OpCode::constant) return constant({dtype(), shape});
  if (code == OpCode::iota) {
    if (shape.empty()) return {};
    const bool integers = settings_.beside_f32 && random_.chance(50);
    return maker_.add(code, {}, Attrs().set(Attr::axis, std::int64_t(random_.below(shape.size()))),
                      Type{integers ? DType::i32 : float_dtype(), shape});
  }
  if (code == OpCode::dim_size) {
    const ir::Dim dim = size();
    Attrs attrs;
    attrs.set(Attr::dim, ir::Dims{dim});
    if (random_.chance(30)) attrs.set(Attr::at_least, random_.between(0, dim.factor));
    if (random_.chance(30)) attrs.set(Attr::needed_by, std::string("two of them"));
    const bool integers = settings_.beside_f32 && random_.chance(30);
    return maker_.add(code, {}, attrs, Type{integers ? DType::i32 : DType::f32, {}});
  }
  return maker_.add(code, {rng()}, Attrs().set(Attr::stream, std::int64_t(random_.below(4))), ir::f32(shape));
}

// An operand of a dtype that the op takes.
ValueId Generator::operand_of(OpCode code) {
  const std::vector<DType>& dtypes = dtypes_of(code);
  const auto taken = [&](const Type& type) { return std::ranges::count(dtypes, type.dtype) != 0; };
  const Value there = random_.chance(90) ? find(taken) : Value();
  if (there) return *there;
  Type type{dtype(), dims()};
  if (!taken(type)) type.dtype = is_float(dtypes.front()) ? float_dtype() : random_.pick(dtypes);
  return fresh(type);
}

Generator::Value Generator::unary(OpCode code) {
  const ValueId x = operand_of(code);
  if (!ir::has(code, ir::Trait::typed)) return maker_.add(code, {x});
  return maker_.add(code, {x}, {}, Type{dtype(), maker_.type(x).dims});
}

Generator::Value Generator::binary(OpCode code) {
  const ValueId x = operand_of(code), y = partner(x);
  if (code == OpCode::pow) return checked(code, {maker_.add(OpCode::abs, {x}), y});  // it has no other promise
  return random_.chance(50) ? checked(code, {x, y}) : checked(code, {y, x});
}

Generator::Value Generator::select() {
  const ValueId x = any(), y = partner(x);
  const ir::Dims both = *ir::broadcast(maker_.type(x).dims, maker_.type(y).dims);
  ValueId condition = 0;
  const Value there = find([](const Type& type) { return type.dtype == DType::boolean; });
  if (there && ir::broadcast(both, maker_.type(*there).dims) && random_.chance(70))
    condition = *there;
  else if (random_.chance(70))
    condition = maker_.add(random_.chance(50) ? OpCode::eq : OpCode::ne, {x, y});
  else
    condition = of_type({DType::boolean, both});
  return checked(OpCode::select, {condition, x, y});
}

Generator::Value Generator::reduce(OpCode code) {
  const ValueId x = operand_of(OpCode::add);
  const std::size_t rank = maker_.type(x).rank();
  if (rank == 0) return {};
  std::vector<std::int64_t> axes;
  const bool all = random_.chance(25);
  for (std::size_t axis = 0; axis < rank; ++axis)
    if (all || random_.chance(50)) axes.push_back(std::int64_t(axis));
  if (axes.empty()) axes.push_back(std::int64_t(random_.below(rank)));
  return maker_.add(code, {x}, Attrs().set(Attr::axes, axes));
}

}  // namespace weft::fuzz
