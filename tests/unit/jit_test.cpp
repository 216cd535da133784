// Compiled kernels against the reference interpreter: random bodies on random shapes and layouts, the kernels of a VAE,
// and the promise that the number of threads does not change a bit.
#include "backends/cpu/jit.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>

#include "backends/kernel/lower.h"
#include "backends/reference/reference.h"
#include "ir/builder.h"
#include "ir/error.h"

namespace weft {
namespace {

using ir::Attr;
using ir::Attrs;
using ir::Builder;
using ir::DType;
using ir::OpCode;
using ir::Type;
using ir::ValueId;
using kernel::Strides;
using reference::Tensor;
using Axes = std::vector<std::int64_t>;

Attrs axes(Axes list) { return Attrs().set(Attr::axes, std::move(list)); }

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

struct Layouts {
  std::vector<Strides> inputs, outputs;      // empty: all row-major
  std::vector<std::pair<int, int>> in_place;  // output, input
};

struct Scratch {
  explicit Scratch(std::size_t bytes) : memory(std::aligned_alloc(64, (bytes / 64 + 1) * 64)) {
    std::memset(memory, 0xff, (bytes / 64 + 1) * 64);
  }
  ~Scratch() { std::free(memory); }
  void* memory;
};

std::vector<Tensor> run_once(const cpu::CompiledKernel& compiled, const ir::Graph& body, const std::vector<Tensor>& inputs,
                             const Layouts& layouts, int threads, std::vector<std::vector<char>>* bits) {
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
    const double allowed = tolerance(want.type.dtype) * std::max({std::abs(b), 0.05 * scale, 0.05 * std::sqrt(double(points))});
    const double error = std::abs(a - b) / allowed;
    worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(worst, error);
  }
  return worst;
}

// Compiles the body, runs it on 1, 2 and 3 threads and again, and compares all with the reference and each other.
void check_body(const ir::Graph& body, const std::vector<Tensor>& inputs, const Layouts& layouts = {},
                const std::string& cpu = "native") {
  const std::vector<Strides> dense_in(inputs.size()), dense_out(body.outputs.size());
  const kernel::Kernel lowered =
      kernel::lower(body, layouts.inputs.empty() ? dense_in : layouts.inputs,
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

// Memory orders a view may have: row-major, inside wider rows, transposed, every second element.
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

Layouts random_layouts(std::mt19937& random, const ir::Graph& body) {
  Layouts layouts;
  for (const ir::Input& input : body.inputs)
    layouts.inputs.push_back(input.role == ir::Role::rng ? Strides() : random_strides(random, body.type(input.value)));
  for (const ir::Output& output : body.outputs) layouts.outputs.push_back(random_strides(random, body.type(output.value)));
  return layouts;
}

// Grows a random body over one iteration space. Values stay of moderate size.
class BodyMaker {
 public:
  explicit BodyMaker(std::mt19937& random) : random_(random), builder_("body") {
    const int rank = 1 + int(random_() % 3);
    for (int i = 0; i < rank; ++i) space_.push_back(random_size(random_));
    while (elements() > 60000) space_[random_() % space_.size()] = 3;
    rng_ = builder_.input("rng", ir::i32({4}), ir::Role::rng);
    pool_.push_back(builder_.input("x0", full(DType::f32)));
  }

  std::int64_t elements() const {
    return std::accumulate(space_.begin(), space_.end(), std::int64_t{1}, std::multiplies<>());
  }
  std::size_t rank() const { return space_.size(); }
  Builder& builder() { return builder_; }

  Type full(DType dtype) const { return {dtype, ir::Dims(space_.begin(), space_.end())}; }
  Type partial(DType dtype) {
    Type type = full(dtype);
    for (ir::Dim& dim : type.dims)
      if (random_() % 2 == 0) dim = 1;
    while (type.rank() > 0 && random_() % 3 == 0 && type.dims[0].is_one()) type.dims.erase(type.dims.begin());
    return type;
  }

  ValueId pick() { return pool_[random_() % pool_.size()]; }
  ValueId op(OpCode code, std::vector<ValueId> operands, Attrs attrs = {}, std::optional<Type> type = {}) {
    return builder_.create(code, std::move(operands), std::move(attrs), std::move(type));
  }

  ValueId leaf() {
    const std::string name = "x" + std::to_string(++inputs_);
    switch (random_() % 8) {
      case 0:
        return op(OpCode::random_normal, {rng_}, Attrs().set(Attr::stream, std::int64_t(random_() % 9)), partial(DType::f32));
      case 1:
        return op(OpCode::random_uniform, {rng_}, Attrs().set(Attr::stream, std::int64_t(random_() % 9)), full(DType::f32));
      case 2: {
        const std::int64_t axis = std::int64_t(random_() % rank());
        return op(OpCode::tanh, {op(OpCode::iota, {}, Attrs().set(Attr::axis, axis), full(DType::f32))});
      }
      case 3:
        return builder_.constant(0.75, partial(DType::f32));
      case 4: {
        const DType dtype = random_() % 2 == 0 ? DType::u8 : DType::i32;
        const ValueId input = builder_.input(name, partial(dtype));
        Type type = builder_.type(input);
        type.dtype = DType::f32;
        return op(OpCode::div, {op(OpCode::cast, {input}, {}, type), builder_.constant(255)});
      }
      case 5: {
        const ValueId input = builder_.input(name, partial(random_() % 2 == 0 ? DType::bf16 : DType::f16));
        Type type = builder_.type(input);
        type.dtype = DType::f32;
        return op(OpCode::cast, {op(OpCode::tanh, {input})}, {}, type);
      }
      default:
        return builder_.input(name, random_() % 2 == 0 ? full(DType::f32) : partial(DType::f32));
    }
  }

  ValueId grow() {
    static const OpCode one[] = {OpCode::neg,  OpCode::abs,     OpCode::sign,     OpCode::tanh, OpCode::sigmoid, OpCode::relu,
                                 OpCode::sin,  OpCode::cos,     OpCode::softplus, OpCode::erf,  OpCode::stop_gradient};
    static const OpCode two[] = {OpCode::add, OpCode::sub, OpCode::mul, OpCode::max, OpCode::min};
    switch (random_() % 6) {
      case 0:
        return op(one[random_() % std::size(one)], {pick()});
      case 1:
        return op(OpCode::exp, {op(OpCode::neg, {op(OpCode::abs, {pick()})})});
      case 2:
        return op(OpCode::log1p, {op(OpCode::abs, {pick()})});
      case 3:
        return op(OpCode::select, {builder_.create(OpCode::lt, {leaf(), pick()}), pick(), op(OpCode::sqrt, {op(OpCode::abs, {pick()})})});
      default:
        return op(two[random_() % std::size(two)], {pick(), random_() % 3 == 0 ? leaf() : pick()});
    }
  }

  void grow(int count) {
    for (int i = 0; i < count; ++i) {
      const ValueId made = grow();
      if (builder_.type(made).dtype == DType::f32) pool_.push_back(made);
    }
  }

  ValueId make_full(ValueId value) { return op(OpCode::add, {value, pool_[0]}); }

  Axes some_axes() {
    Axes result;
    for (std::size_t i = 0; i < rank(); ++i)
      if (random_() % 2 == 0) result.push_back(std::int64_t(i));
    if (result.empty()) result.push_back(std::int64_t(random_() % rank()));
    return result;
  }

  // softmax, logsumexp, normalisation to unit length or to mean 0 and variance 1, over `list`
  ValueId row_part(const Axes& list) {
    const ValueId x = make_full(pick());
    double count = 1;
    for (const std::int64_t axis : list) count *= double(space_[std::size_t(axis)]);
    const auto sum = [&](ValueId value) { return op(OpCode::reduce_sum, {value}, axes(list)); };
    switch (random_() % 4) {
      case 0: {
        const ValueId e = op(OpCode::exp, {op(OpCode::sub, {x, op(OpCode::reduce_max, {x}, axes(list))})});
        return op(OpCode::mul, {op(OpCode::div, {e, sum(e)}), builder_.constant(count)});
      }
      case 1: {
        const ValueId top = op(OpCode::reduce_max, {x}, axes(list));
        const ValueId e = op(OpCode::exp, {op(OpCode::sub, {x, top})});
        return op(OpCode::sub, {x, op(OpCode::add, {op(OpCode::log, {sum(e)}), top})});
      }
      case 2:
        return op(OpCode::mul, {x, op(OpCode::rsqrt, {op(OpCode::add, {sum(op(OpCode::mul, {x, x})), builder_.constant(1)})})});
      default: {
        const ValueId mean = op(OpCode::div, {sum(x), builder_.constant(count)});
        const ValueId centred = op(OpCode::sub, {x, mean});
        const ValueId variance = op(OpCode::div, {sum(op(OpCode::mul, {centred, centred})), builder_.constant(count)});
        return op(OpCode::mul, {centred, op(OpCode::rsqrt, {op(OpCode::add, {variance, builder_.constant(0.1)})})});
      }
    }
  }

  void add_to_pool(ValueId value) { pool_.push_back(value); }
  void output(ValueId value) { builder_.output("y" + std::to_string(outputs_++), value); }
  bool has(ValueId value) const {
    return std::any_of(builder_.graph().outputs.begin(), builder_.graph().outputs.end(),
                       [&](const ir::Output& each) { return each.value == value; });
  }

 private:
  std::mt19937& random_;
  Builder builder_;
  std::vector<std::int64_t> space_;
  ValueId rng_ = 0;
  std::vector<ValueId> pool_;
  int inputs_ = 0, outputs_ = 0;
};

void check_random_body(std::mt19937& random, bool with_row, bool with_final) {
  BodyMaker maker(random);
  maker.grow(2 + int(random() % 6));
  if (with_row) {
    const Axes list = maker.some_axes();
    const int parts = 1 + int(random() % 2);
    for (int i = 0; i < parts; ++i) {
      maker.add_to_pool(maker.row_part(list));
      maker.grow(int(random() % 3));
    }
  }
  const ValueId last = maker.make_full(maker.pick());
  if (!with_final || random() % 2 == 0) maker.output(last);
  if (random() % 3 == 0) {
    const ValueId other = maker.make_full(maker.pick());
    if (!maker.has(other)) maker.output(other);
  }
  if (with_final) {
    const int count = 1 + int(random() % 3);
    for (int i = 0; i < count; ++i) {
      const OpCode code = random() % 4 == 0 ? OpCode::reduce_max : OpCode::reduce_sum;
      ValueId reduced = maker.op(code, {maker.make_full(maker.pick())}, axes(maker.some_axes()));
      if (random() % 2 == 0) reduced = maker.op(OpCode::tanh, {maker.op(OpCode::mul, {reduced, maker.builder().constant(0.01)})});
      if (!maker.has(reduced)) maker.output(reduced);
    }
  }
  ir::Graph body = maker.builder().take();
  if (body.outputs.empty()) return;
  const Layouts layouts = random() % 3 == 0 ? Layouts() : random_layouts(random, body);
  const std::vector<Tensor> inputs = random_inputs(random, body);
  try {
    check_body(body, inputs, layouts);
  } catch (const InternalError& error) {
    // A random body may break lower.h's contract by reducing over several axes; all else is a failure.
    const std::string what = error.what();
    const bool contract = what.find("over different axes") != std::string::npos || what.find("meets a row's") != std::string::npos;
    CAPTURE(what);
    CHECK(contract);
  }
}

int rounds() {
  const char* text = std::getenv("WEFT_FUZZ_ROUNDS");
  return text ? std::atoi(text) : 40;
}

}  // namespace

TEST_CASE("random elementwise bodies") {
  std::mt19937 random(1);
  for (int i = 0; i < rounds(); ++i) {
    CAPTURE(i);
    check_random_body(random, false, false);
  }
}

TEST_CASE("random bodies with final reductions") {
  std::mt19937 random(2);
  for (int i = 0; i < rounds(); ++i) {
    CAPTURE(i);
    check_random_body(random, false, true);
  }
}

TEST_CASE("random bodies with row reductions") {
  std::mt19937 random(3);
  for (int i = 0; i < rounds(); ++i) {
    CAPTURE(i);
    check_random_body(random, true, false);
  }
}

TEST_CASE("random bodies with row and final reductions") {
  std::mt19937 random(4);
  for (int i = 0; i < rounds(); ++i) {
    CAPTURE(i);
    check_random_body(random, true, true);
  }
}

}  // namespace weft
