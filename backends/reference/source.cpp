// Ops that make values from attributes only, and random numbers from seed and step.
#include "backends/reference/index.h"
#include "backends/reference/kernels.h"
#include "runtime/rng.h"

namespace weft::reference {

using ir::Attr;
using ir::Attrs;
using ir::Type;

Tensor constant(const Attrs& attrs, const Type& type) {
  const std::vector<double>& values = attrs.numbers(Attr::values);
  if (values.size() == 1) return filled(type, values.front());
  return {type, values};
}

Tensor iota(const Attrs& attrs, const Type& type) {
  Tensor result{type, {}};
  const auto axis = std::size_t(attrs.integer(Attr::axis));
  for_each_position(numbers(type.dims), [&](const Index& position) { result.data.push_back(double(position[axis])); });
  return result;
}

Tensor dim_size(const Attrs& attrs, const Type& type) {
  return filled(type, double(ir::number(attrs.dims(Attr::dim).front())));
}

namespace {

std::uint64_t join_words(double low, double high) {
  return std::uint64_t(std::uint32_t(std::int32_t(low))) | std::uint64_t(std::uint32_t(std::int32_t(high))) << 32;
}

runtime::RandomSource random_source(const Tensor& rng, const Attrs& attrs) {
  return {join_words(rng.data[0], rng.data[1]), std::uint32_t(attrs.integer(Attr::stream)),
          join_words(rng.data[2], rng.data[3])};
}

}  // namespace

template <typename Real>
Tensor random_uniform(const Tensor& rng, const Attrs& attrs, const Type& type) {
  const runtime::RandomSource source = random_source(rng, attrs);
  Tensor result = filled(type, 0);
  for (std::size_t i = 0; i < result.data.size(); ++i)
    result.data[i] = double(runtime::uniform<Real>(source, std::uint32_t(i)));
  return result;
}

template <typename Real>
Tensor random_normal(const Tensor& rng, const Attrs& attrs, const Type& type) {
  const runtime::RandomSource source = random_source(rng, attrs);
  Tensor result = filled(type, 0);
  for (std::size_t i = 0; i < result.data.size(); ++i)
    result.data[i] = double(runtime::normal<Real>(source, std::uint32_t(i)));
  return result;
}

template Tensor random_uniform<float>(const Tensor&, const Attrs&, const Type&);
template Tensor random_uniform<double>(const Tensor&, const Attrs&, const Type&);
template Tensor random_normal<float>(const Tensor&, const Attrs&, const Type&);
template Tensor random_normal<double>(const Tensor&, const Attrs&, const Type&);

}  // namespace weft::reference
