// Views of memory with guards, tolerances, and random inputs and layouts.
#include "tests/unit/kernel_check.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>

#include "backends/cpu/jit.h"
#include "backends/cpu/parallel.h"
#include "ir/error.h"

namespace weft::test {

using ir::DType;
using ir::Type;
using kernel::Strides;
using reference::Tensor;

namespace {

// Memory of a strided view, with guards that must not be written around and between its elements.
struct View {
  Type type;
  Strides strides;  // empty: row-major
  std::vector<char> memory;
  std::size_t start = 0;  // bytes

  View(Type view_type, Strides view_strides) : type(std::move(view_type)), strides(std::move(view_strides)) {
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

  void* data() { return memory.data() + start; }

  template <typename Visit>
  void for_each(Visit visit) const {  // row-major
    const auto dims = numbers(type.dims);
    std::vector<std::int64_t> position(dims.size(), 0);
    for (std::int64_t i = 0; i < type.elements(); ++i) {
      std::int64_t offset = 0;
      for (std::size_t d = 0; d < dims.size(); ++d) offset += position[d] * strides[d];
      visit(start + std::size_t(offset) * size_of(type.dtype));
      for (std::size_t d = dims.size(); d-- > 0 && ++position[d] == dims[d];) position[d] = 0;
    }
  }

  void write(const Tensor& tensor) {
    std::vector<char> dense(type.bytes());
    to_bytes(tensor, dense.data());
    std::size_t i = 0;
    for_each([&](std::size_t at) { std::memcpy(&memory[at], &dense[i++ * size_of(type.dtype)], size_of(type.dtype)); });
  }

  Tensor read() const {
    std::vector<char> dense(type.bytes());
    std::size_t i = 0;
    for_each([&](std::size_t at) { std::memcpy(&dense[i++ * size_of(type.dtype)], &memory[at], size_of(type.dtype)); });
    return reference::from_bytes(type, dense.data());
  }

  bool guards_hold() const {
    std::vector<bool> inside(memory.size(), false);
    for_each([&](std::size_t at) { std::fill_n(inside.begin() + std::ptrdiff_t(at), size_of(type.dtype), true); });
    for (std::size_t i = 0; i < memory.size(); ++i)
      if (!inside[i] && memory[i] != char(0x5a)) return false;
    return true;
  }
};

struct Scratch {
  explicit Scratch(std::size_t bytes) : memory(std::aligned_alloc(64, (bytes / 64 + 1) * 64)) {
    std::memset(memory, 0xff, (bytes / 64 + 1) * 64);
  }
  ~Scratch() { std::free(memory); }
  void* memory;
};

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

// Largest |got - want| in units of what rounding may cost: relative to the largest of the value, the tensor's scale and
// what is left of `points` numbers of size 1 that cancel.
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

std::vector<Tensor> run_once(const cpu::CompiledKernel& compiled, const ir::Graph& body,
                             const std::vector<Tensor>& inputs, const Layouts& layouts, int threads,
                             std::vector<std::vector<char>>* bits) {
  std::vector<View> views;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    views.emplace_back(inputs[i].type, layouts.inputs.empty() ? Strides() : layouts.inputs[i]);
    views.back().write(inputs[i]);
  }
  for (std::size_t i = 0; i < body.outputs.size(); ++i)
    views.emplace_back(body.type(body.outputs[i].value), layouts.outputs.empty() ? Strides() : layouts.outputs[i]);
  std::vector<std::size_t> place(views.size());
  std::iota(place.begin(), place.end(), std::size_t{0});
  for (const auto& [output, input] : layouts.in_place) place[inputs.size() + std::size_t(output)] = std::size_t(input);
  std::vector<void*> buffers;
  for (const std::size_t each : place) buffers.push_back(views[each].data());
  Scratch scratch(compiled.scratch_bytes);
  const auto chunks = [&](std::int64_t begin, std::int64_t end) {
    compiled.run(buffers.data(), scratch.memory, begin, end);
  };
  cpu::parallel_chunks(compiled.chunks, threads, chunks);
  if (compiled.finish) compiled.finish(buffers.data(), scratch.memory);
  std::vector<Tensor> results;
  for (std::size_t i = 0; i < body.outputs.size(); ++i) {
    const View& view = views[place[inputs.size() + i]];
    results.push_back(view.read());
    if (bits) bits->push_back(view.memory);
  }
  for (const View& view : views) CHECK(view.guards_hold());
  return results;
}

void check_body(const ir::Graph& body, const std::vector<Tensor>& inputs, const Layouts& layouts,
                const std::string& cpu) {
  const std::vector<Strides> dense_in(inputs.size()), dense_out(body.outputs.size());
  const kernel::Kernel lowered = kernel::lower(body, layouts.inputs.empty() ? dense_in : layouts.inputs,
                                               layouts.outputs.empty() ? dense_out : layouts.outputs, "kernel");
  CAPTURE(kernel::print(lowered));
  cpu::Jit jit(cpu);
  const int index = jit.add(lowered);
  jit.compile();
  const std::vector<Tensor> want = reference::run<float>(body, inputs);
  std::vector<std::vector<char>> first;
  for (const int threads : {1, 2, 3, 1}) {
    CAPTURE(threads);
    std::vector<std::vector<char>> bits;
    const std::vector<Tensor> got = run_once(jit.kernel(index), body, inputs, layouts, threads, &bits);
    if (first.empty()) first = bits;
    CHECK(bits == first);
    for (std::size_t i = 0; i < got.size(); ++i) {
      CAPTURE(body.outputs[i].name);
      CHECK(error_of(got[i], want[i], lowered.points()) <= 1);
    }
  }
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
