// Random movement ops: elements of operands in other places.
#include <algorithm>

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

Generator::Value Generator::movement(OpCode code) {
  if (code == OpCode::broadcast) return broadcast();
  if (code == OpCode::reshape) return reshape();
  if (code == OpCode::transpose) return transpose();
  if (code == OpCode::slice) return slice();
  if (code == OpCode::pad) return pad();
  if (code == OpCode::concat) return concat();
  if (code == OpCode::gather) return gather();
  if (code == OpCode::scatter_add) return scatter_add();
  if (code == OpCode::pack) return pack();
  if (code == OpCode::view) return view();
  if (code == OpCode::affine_sample || code == OpCode::affine_sample_grad) return affine(code);
  throw InternalError(fmt::format("the fuzzer cannot make {}", ir::name(code)));
}

Generator::Value Generator::broadcast() {
  const ValueId x = any();
  Type type = maker_.type(x);
  for (Dim& dim : type.dims)
    if (dim.is_one() && random_.chance(60)) dim = size();
  while (type.rank() < 5 && random_.chance(35)) type.dims.insert(type.dims.begin(), size());
  return checked(OpCode::broadcast, {x}, {}, type);
}

// Other dims for the same elements: ones put in and left out, neighbours merged, numbers split.
Generator::Value Generator::reshape() {
  const ValueId x = any();
  Type type = maker_.type(x);
  const int changes = int(random_.below(4));
  for (int i = 0; i < changes; ++i) {
    Dims& dims = type.dims;
    const std::size_t choice = random_.below(4), at = dims.empty() ? 0 : random_.below(dims.size());
    if (choice == 0 && dims.size() < 6) {
      dims.insert(dims.begin() + std::ptrdiff_t(random_.below(dims.size() + 1)), Dim(1));
    } else if (choice == 1 && !dims.empty() && dims[at].is_one()) {
      dims.erase(dims.begin() + std::ptrdiff_t(at));
    } else if (choice == 2 && at + 1 < dims.size() && (dims[at].is_number() || dims[at + 1].is_number())) {
      const std::string symbol = dims[at].symbol + dims[at + 1].symbol;
      dims[at] = Dim(symbol, dims[at].factor * dims[at + 1].factor);
      dims.erase(dims.begin() + std::ptrdiff_t(at) + 1);
    } else if (choice == 3 && !dims.empty() && dims.size() < 6 && dims[at].factor > 1) {
      std::vector<std::int64_t> divisors;
      for (std::int64_t d = 2; d <= dims[at].factor; ++d)
        if (dims[at].factor % d == 0) divisors.push_back(d);
      const std::int64_t divisor = random_.pick(divisors);
      dims[at].factor /= divisor;
      dims.insert(dims.begin() + std::ptrdiff_t(at + random_.below(2)), Dim(divisor));
    }
  }
  return maker_.add(OpCode::reshape, {x}, {}, type);
}

Generator::Value Generator::transpose() {
  const ValueId x = random_.chance(30) ? matrix() : any();
  std::vector<std::int64_t> perm(maker_.type(x).rank());
  for (std::size_t i = 0; i < perm.size(); ++i) perm[i] = std::int64_t(i);
  if (!random_.chance(15))
    for (std::size_t i = perm.size(); i > 1; --i) std::swap(perm[i - 1], perm[random_.below(i)]);
  return maker_.add(OpCode::transpose, {x}, Attrs().set(Attr::perm, perm));
}

Generator::Value Generator::slice() {
  const ValueId x = any();
  Type type = maker_.type(x);
  Dims start(type.rank(), Dim(0));
  for (std::size_t i = 0; i < start.size(); ++i) {
    Dim& dim = type.dims[i];
    if (random_.chance(40)) continue;
    if (dim.is_number()) {
      start[i] = random_.between(0, dim.factor - 1);
      dim = random_.between(1, dim.factor - start[i].factor);
    } else if (dim.factor > 1) {
      const std::int64_t first = random_.between(0, dim.factor - 1);
      start[i] = first == 0 ? Dim(0) : Dim(dim.symbol, first);
      dim.factor = random_.between(1, dim.factor - first);
    } else {
      dim = 1;
    }
  }
  return maker_.add(OpCode::slice, {x}, Attrs().set(Attr::start, start), type);
}

Generator::Value Generator::pad() {
  const ValueId x = any();
  Type type = maker_.type(x);
  Dims start(type.rank(), Dim(0));
  for (std::size_t i = 0; i < start.size(); ++i) {
    Dim& dim = type.dims[i];
    if (random_.chance(50)) continue;
    const std::int64_t before = random_.between(0, 2), behind = random_.between(0, 2);
    if (before > 0) start[i] = dim.is_number() ? Dim(before) : Dim(dim.symbol, before);
    dim.factor += before + behind;
  }
  return checked(OpCode::pad, {x}, Attrs().set(Attr::start, start), type);
}

Generator::Value Generator::concat() {
  const ValueId x = any();
  const Type type = maker_.type(x);
  if (type.rank() == 0) return {};
  const std::size_t axis = random_.below(type.rank());
  std::vector<ValueId> parts{x};
  while (parts.size() < 4 && random_.chance(60)) {
    Type part = type;
    if (part.dims[axis].is_number())
      part.dims[axis] = Dim(random_.pick(settings_.sizes));
    else
      part.dims[axis].factor = random_.between(1, 2);
    if (fits(part)) parts.push_back(random_.chance(30) ? x : of_type(part));
  }
  if (random_.chance(50)) std::swap(parts.front(), parts.back());
  return checked(OpCode::concat, parts, Attrs().set(Attr::axis, std::int64_t(axis)));
}

Generator::Value Generator::gather() {
  const ValueId table = any();
  if (maker_.type(table).rank() == 0) return {};
  return checked(OpCode::gather, {table, indices(maker_.type(table).dims[0].factor, size())});
}

Generator::Value Generator::scatter_add() {
  const ValueId rows = operand_of(OpCode::add);
  Type type = maker_.type(rows);
  if (type.rank() == 0) return {};
  const Dim count = type.dims[0];
  type.dims[0] = size();
  if (!fits(type)) return {};
  return checked(OpCode::scatter_add, {indices(type.dims[0].factor, count), rows}, {}, type);
}

Generator::Value Generator::pack() {
  const Value x = find([](const Type& type) { return type.is_static(); });
  if (!x) return {};
  std::vector<ValueId> parts{*x};
  const DType dtype = maker_.type(*x).dtype;
  while (parts.size() < 3 && random_.chance(50)) {
    const Value part = find([&](const Type& type) { return type.is_static() && type.dtype == dtype; });
    if (part) parts.push_back(*part);
  }
  std::int64_t end = random_.chance(30) ? random_.between(1, 16) : 0;
  std::vector<std::int64_t> offsets;
  for (const ValueId part : parts) {
    offsets.push_back(end);
    end += maker_.type(part).elements();
    if (random_.chance(30)) end = random_.chance(50) ? (end + 15) / 16 * 16 : end + 1;
  }
  if (end > 4 * settings_.most_elements) return {};
  return maker_.add(OpCode::pack, parts, Attrs().set(Attr::offsets, offsets), Type{dtype, {Dim(end)}});
}

Generator::Value Generator::view() {
  Value flat = find([](const Type& type) { return type.is_static() && type.rank() == 1; });
  if (!flat) flat = fresh({float_dtype(), {Dim(random_.between(1, settings_.most_elements))}});
  const std::int64_t count = maker_.type(*flat).elements();
  Type type{maker_.type(*flat).dtype, {}};
  std::int64_t left = random_.between(1, count);
  const std::int64_t offset = random_.between(0, count - left);
  while (type.rank() < 3 && random_.chance(70)) {
    const std::int64_t dim = random_.between(1, left);
    type.dims.push_back(Dim(dim));
    left /= dim;
  }
  return maker_.add(OpCode::view, {*flat}, Attrs().set(Attr::offset, offset), type);
}

}  // namespace weft::fuzz
