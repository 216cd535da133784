// Views with guards, tolerances, random inputs and layouts.
#include "tests/support/strided_view.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

namespace weft::test {

using ir::DType;
using ir::Type;
using kernel::Strides;
using reference::Tensor;

View::View(Type view_type, Strides view_strides) : type(std::move(view_type)), strides(std::move(view_strides)) {
  if (strides.empty()) {
    strides.resize(type.rank());
    std::int64_t stride = 1;
    for (std::size_t i = type.rank(); i-- > 0; stride *= number(type.dims[i])) strides[i] = stride;
  }
  std::int64_t last = 0;
  for (std::size_t i = 0; i < type.rank(); ++i) last += (number(type.dims[i]) - 1) * strides[i];
  start = 64;
  memory.assign(start + std::size_t(last + 1) * size_of(type.dtype) + 64, char(0x5a));
}

template <typename Visit>
void View::for_each(Visit visit) const {  // row-major
  const auto dims = numbers(type.dims);
  std::vector<std::int64_t> position(dims.size(), 0);
  for (std::int64_t i = 0; i < type.elements(); ++i) {
    std::int64_t offset = 0;
    for (std::size_t d = 0; d < dims.size(); ++d) offset += position[d] * strides[d];
    visit(start + std::size_t(offset) * size_of(type.dtype));
    for (std::size_t d = dims.size(); d-- > 0 && ++position[d] == dims[d];) position[d] = 0;
  }
}

void View::write(const Tensor& tensor) {
  std::vector<char> dense(type.bytes());
  to_bytes(tensor, dense.data());
  std::size_t i = 0;
  for_each([&](std::size_t at) { std::memcpy(&memory[at], &dense[i++ * size_of(type.dtype)], size_of(type.dtype)); });
}

Tensor View::read() const {
  std::vector<char> dense(type.bytes());
  std::size_t i = 0;
  for_each([&](std::size_t at) { std::memcpy(&dense[i++ * size_of(type.dtype)], &memory[at], size_of(type.dtype)); });
  return reference::from_bytes(type, dense.data());
}

bool View::guards_hold() const {
  std::vector<bool> inside(memory.size(), false);
  for_each([&](std::size_t at) { std::fill_n(inside.begin() + std::ptrdiff_t(at), size_of(type.dtype), true); });
  for (std::size_t i = 0; i < memory.size(); ++i)
    if (!inside[i] && memory[i] != char(0x5a)) return false;
  return true;
}

namespace {

double tolerance(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return 2e-5;
    case DType::bf16:
      return 2e-2;
    case DType::f16:
      return 3e-3;
    case DType::i32:
    case DType::u8:
    case DType::boolean:
      return 0;
  }
  return 0;
}

Tensor random_tensor(std::mt19937& random, const Type& type) {
  Tensor tensor{type, {}};
  std::normal_distribution<double> normal;
  for (std::int64_t i = 0; i < type.elements(); ++i) {
    double value = normal(random);
    if (!is_float(type.dtype)) value = std::abs(value) * 60;
    if (type.dtype == DType::boolean) value = value > 40 ? 1 : 0;
    tensor.data.push_back(reference::round_to(type.dtype, value));
  }
  return tensor;
}

Strides random_strides(std::mt19937& random, const Type& type) {
  if (type.rank() == 0 || random() % 2 == 0) return {};
  std::vector<std::size_t> order(type.rank());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (random() % 3 == 0) std::shuffle(order.begin(), order.end(), random);
  Strides strides(type.rank());
  std::int64_t stride = random() % 5 == 0 ? 2 : 1;
  for (std::size_t i = type.rank(); i-- > 0;) {
    strides[order[i]] = stride;
    stride = stride * number(type.dims[order[i]]) + (random() % 3 == 0 ? 3 : 0);
  }
  return strides;
}

}  // namespace

double error_of(const Tensor& got, const Tensor& want, std::int64_t points) {
  double scale = 0, worst = 0;
  for (const double each : want.data)
    if (std::isfinite(each)) scale = std::max(scale, std::abs(each));
  for (std::size_t i = 0; i < want.data.size(); ++i) {
    const double a = got.data[i], b = want.data[i];
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    const double allowed =
        tolerance(want.type.dtype) * std::max({std::abs(b), 0.05 * scale, 0.05 * std::sqrt(double(points))});
    const double error = std::abs(a - b) / allowed;
    worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(worst, error);
  }
  return worst;
}

std::vector<Tensor> random_inputs(std::mt19937& random, const ir::Graph& body) {
  std::vector<Tensor> inputs;
  for (const ir::Input& input : body.inputs) {
    const Type& type = body.type(input.value);
    inputs.push_back(random_tensor(random, type));
    if (input.role == ir::Role::rng) inputs.back().data = {double(random() % 1000), -5, double(random() % 1000), 3};
  }
  return inputs;
}

std::vector<Tensor> random_inputs(std::mt19937& random, const bench::VaeKernel& kernel) {
  std::vector<Tensor> inputs = random_inputs(random, kernel.body);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string& name = kernel.body.input_name(std::uint32_t(i));
    for (double& value : inputs[i].data) {
      if (name == "indices") value = std::int64_t(value) % 1000;
      if (name == "v") value = std::abs(value);
      if (name == "step") value = 3;
    }
  }
  return inputs;
}

std::int64_t random_size(std::mt19937& random) {
  static const std::int64_t sizes[] = {1, 1, 2, 3, 5, 8, 10, 15, 16, 17, 20, 31, 32, 33, 48, 63, 64, 65, 100, 130, 257};
  return sizes[random() % std::size(sizes)];
}

Layouts random_layouts(std::mt19937& random, const ir::Graph& body) {
  Layouts layouts;
  for (const ir::Input& input : body.inputs)
    layouts.inputs.push_back(input.role == ir::Role::rng ? Strides() : random_strides(random, body.type(input.value)));
  for (const ir::Output& output : body.outputs)
    layouts.outputs.push_back(random_strides(random, body.type(output.value)));
  return layouts;
}

}  // namespace weft::test
