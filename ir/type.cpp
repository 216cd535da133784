// Names, arithmetic and broadcasting of types and dims.
#include "ir/type.h"

#include <algorithm>
#include <array>

#include "ir/error.h"

namespace weft::ir {

namespace {

struct DTypeRow {
  DType dtype;
  std::string_view name;
  std::size_t size;
};

constexpr std::array<DTypeRow, 6> kRows{{{DType::f32, "f32", 4},
                                         {DType::bf16, "bf16", 2},
                                         {DType::f16, "f16", 2},
                                         {DType::i32, "i32", 4},
                                         {DType::u8, "u8", 1},
                                         {DType::boolean, "bool", 1}}};

}  // namespace

std::string_view name(DType dtype) { return kRows[std::size_t(dtype)].name; }
std::size_t size_of(DType dtype) { return kRows[std::size_t(dtype)].size; }

std::optional<DType> parse_dtype(std::string_view text) {
  for (const DTypeRow& row : kRows)
    if (row.name == text) return row.dtype;
  return {};
}

std::string to_string(const Dim& dim) {
  if (dim.is_number()) return fmt::format("{}", dim.factor);
  return dim.factor == 1 ? dim.symbol : fmt::format("{}*{}", dim.factor, dim.symbol);
}

std::string to_string(const Dims& dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) text += (i == 0 ? "" : ",") + to_string(dims[i]);
  return text + "]";
}

namespace {

// a + sign * b if both are multiples of one symbol; 0 combines with anything.
std::optional<Dim> combine(const Dim& a, const Dim& b, std::int64_t sign) {
  if (a.is_number() && a.factor == 0) return Dim(b.symbol, sign * b.factor);
  if (b.is_number() && b.factor == 0) return a;
  if (a.symbol != b.symbol) return {};
  const std::int64_t factor = a.factor + sign * b.factor;
  return factor == 0 ? Dim(0) : Dim(a.symbol, factor);
}

}  // namespace

std::optional<Dim> add(const Dim& a, const Dim& b) { return combine(a, b, 1); }
std::optional<Dim> subtract(const Dim& a, const Dim& b) { return combine(a, b, -1); }

std::int64_t number(const Dim& dim) {
  check(dim.is_number(), "a dim is still a symbol where a number is needed");
  return dim.factor;
}

std::vector<std::int64_t> numbers(const Dims& dims) {
  std::vector<std::int64_t> result;
  result.reserve(dims.size());
  for (const Dim& dim : dims) result.push_back(number(dim));
  return result;
}

Dims bind(const Dims& dims, const Bindings& bindings) {
  Dims bound = dims;
  for (Dim& dim : bound) {
    if (dim.is_number()) continue;
    const auto found = bindings.find(dim.symbol);
    if (found == bindings.end())
      fail("dim {} of {} has no number: bind {}", to_string(dim), to_string(dims), dim.symbol);
    dim = Dim(dim.factor * found->second);
  }
  return bound;
}

bool Type::is_static() const {
  return std::all_of(dims.begin(), dims.end(), [](const Dim& dim) { return dim.is_number(); });
}

std::int64_t Type::elements() const {
  std::int64_t count = 1;
  for (const Dim& dim : dims) count *= number(dim);
  return count;
}

std::size_t Type::bytes() const { return std::size_t(elements()) * size_of(dtype); }

std::string to_string(const Type& type) { return fmt::format("{}{}", name(type.dtype), to_string(type.dims)); }

bool same_elements(const Dims& a, const Dims& b) {
  const auto product = [](const Dims& dims) {
    std::pair<std::int64_t, std::vector<std::string>> result{1, {}};
    for (const Dim& dim : dims) {
      result.first *= dim.factor;
      if (!dim.is_number()) result.second.push_back(dim.symbol);
    }
    std::sort(result.second.begin(), result.second.end());
    return result;
  };
  return product(a) == product(b);
}

std::optional<Dims> broadcast(const Dims& a, const Dims& b) {
  const Dims& longer = a.size() >= b.size() ? a : b;
  const Dims& shorter = a.size() >= b.size() ? b : a;
  Dims result = longer;
  const std::size_t lead = longer.size() - shorter.size();
  for (std::size_t i = 0; i < shorter.size(); ++i) {
    Dim& dim = result[lead + i];
    if (dim == shorter[i] || shorter[i].is_one()) continue;
    if (!dim.is_one()) return {};
    dim = shorter[i];
  }
  return result;
}

std::vector<std::int64_t> row_major(const std::vector<std::int64_t>& dims) {
  std::vector<std::int64_t> strides(dims.size());
  std::int64_t stride = 1;
  for (std::size_t i = dims.size(); i-- > 0; stride *= dims[i]) strides[i] = stride;
  return strides;
}

}  // namespace weft::ir
