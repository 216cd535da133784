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
#include "bench/vae_kernels.h"
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
  std::vector<Strides> inputs, outputs;       // empty: all row-major
  std::vector<std::pair<int, int>> in_place;  // output, input
};

struct Scratch {
  explicit Scratch(std::size_t bytes) : memory(std::aligned_alloc(64, (bytes / 64 + 1) * 64)) {
    std::memset(memory, 0xff, (bytes / 64 + 1) * 64);
  }
  ~Scratch() { std::free(memory); }
  void* memory;
};

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

// Compiles the body, runs it on 1, 2 and 3 threads and again, and compares all with the reference and each other.
void check_body(const ir::Graph& body, const std::vector<Tensor>& inputs, const Layouts& layouts = {},
                const std::string& cpu = "native") {
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
  for (const ir::Output& output : body.outputs)
    layouts.outputs.push_back(random_strides(random, body.type(output.value)));
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
        return op(OpCode::random_normal, {rng_}, Attrs().set(Attr::stream, std::int64_t(random_() % 9)),
                  partial(DType::f32));
      case 1:
        return op(OpCode::random_uniform, {rng_}, Attrs().set(Attr::stream, std::int64_t(random_() % 9)),
                  full(DType::f32));
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
    static const OpCode one[] = {OpCode::neg,      OpCode::abs,  OpCode::sign,         OpCode::tanh,
                                 OpCode::sigmoid,  OpCode::relu, OpCode::sin,          OpCode::cos,
                                 OpCode::softplus, OpCode::erf,  OpCode::stop_gradient};
    static const OpCode two[] = {OpCode::add, OpCode::sub, OpCode::mul, OpCode::max, OpCode::min};
    switch (random_() % 6) {
      case 0:
        return op(one[random_() % std::size(one)], {pick()});
      case 1:
        return op(OpCode::exp, {op(OpCode::neg, {op(OpCode::abs, {pick()})})});
      case 2:
        return op(OpCode::log1p, {op(OpCode::abs, {pick()})});
      case 3:
        return op(OpCode::select, {builder_.create(OpCode::lt, {leaf(), pick()}), pick(),
                                   op(OpCode::sqrt, {op(OpCode::abs, {pick()})})});
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
        return op(OpCode::mul,
                  {x, op(OpCode::rsqrt, {op(OpCode::add, {sum(op(OpCode::mul, {x, x})), builder_.constant(1)})})});
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

// Returns whether there was anything to check.
bool check_random_body(std::mt19937& random, bool with_row, bool with_final) {
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
      if (random() % 2 == 0)
        reduced = maker.op(OpCode::tanh, {maker.op(OpCode::mul, {reduced, maker.builder().constant(0.01)})});
      if (!maker.has(reduced)) maker.output(reduced);
    }
  }
  ir::Graph body = maker.builder().take();
  if (body.outputs.empty()) return false;
  const Layouts layouts = random() % 3 == 0 ? Layouts() : random_layouts(random, body);
  const std::vector<Tensor> inputs = random_inputs(random, body);
  try {
    check_body(body, inputs, layouts, random() % 3 == 0 ? "x86-64-v3" : "native");
    return true;
  } catch (const InternalError& error) {
    // A random body may break lower.h's contract by reducing over several axes; all else is a failure.
    const std::string what = error.what();
    const bool contract =
        what.find("over different axes") != std::string::npos || what.find("meets a row's") != std::string::npos;
    CAPTURE(what);
    CHECK(contract);
    return false;
  }
}

int rounds() {
  const char* text = std::getenv("WEFT_FUZZ_ROUNDS");
  return text ? std::atoi(text) : 40;
}

void check_random_bodies(unsigned seed, bool with_row, bool with_final) {
  std::mt19937 random(seed);
  int checked = 0;
  for (int i = 0; i < rounds(); ++i) {
    CAPTURE(i);
    checked += check_random_body(random, with_row, with_final);
  }
  CHECK(checked * 2 >= rounds());
}

}  // namespace

TEST_CASE("random elementwise bodies") { check_random_bodies(1, false, false); }
TEST_CASE("random bodies with final reductions") { check_random_bodies(2, false, true); }
TEST_CASE("random bodies with row reductions") { check_random_bodies(3, true, false); }
TEST_CASE("random bodies with row and final reductions") { check_random_bodies(4, true, true); }

TEST_CASE("the kernels of a VAE, in place where a step has them so") {
  std::mt19937 random(6);
  for (const std::int64_t batch : {1, 7, 100, 128})
    for (const bench::VaeKernel& each : bench::VaeKernels(batch, 784, 400, 20, 652 * batch + 5).all()) {
      CAPTURE(batch);
      CAPTURE(each.name);
      std::vector<Tensor> inputs = random_inputs(random, each.body);
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        const std::string& name = each.body.input_name(std::uint32_t(i));
        for (double& value : inputs[i].data) {
          if (name == "indices") value = std::int64_t(value) % 1000;
          if (name == "v") value = std::abs(value);
          if (name == "step") value = 3;
        }
      }
      check_body(each.body, inputs, {{}, {}, each.in_place});
    }
}

TEST_CASE("latent heads are columns of one matrix") {
  // mu and logvar as two halves of [B,40]; their gradients written into halves as well.
  std::mt19937 random(7);
  const bench::VaeKernel kernel = bench::VaeKernels(33).reparameterize();
  check_body(kernel.body, random_inputs(random, kernel.body), {{{}, {40, 1}, {40, 1}}, {{60, 1}, {}}, {}});
}

TEST_CASE("sums down narrow and wide columns") {
  std::mt19937 random(8);
  for (const std::int64_t rows : {1, 2, 3, 5, 64, 1000})
    for (const std::int64_t columns : {1, 3, 16, 20, 32, 64, 65, 784, 2100}) {
      CAPTURE(rows);
      CAPTURE(columns);
      Builder builder("columns");
      const ValueId x = builder.input("x", ir::f32({rows, columns}));
      const ValueId y = builder.create(OpCode::mul, {x, x});
      builder.output("sum", builder.create(OpCode::reduce_sum, {y}, axes({0})));
      builder.output("max", builder.create(OpCode::reduce_max, {x}, axes({0})));
      builder.output("y", y);
      const ir::Graph body = builder.take();
      check_body(body, random_inputs(random, body));
    }
}

TEST_CASE("batch statistics over images") {
  std::mt19937 random(9);
  const Axes list{0, 2, 3};
  Builder builder("batch_norm");
  const ValueId x = builder.input("x", ir::f32({6, 10, 7, 7})), gain = builder.input("gain", ir::f32({10, 1, 1}));
  const ValueId count = builder.constant(6 * 7 * 7);
  const auto mean = [&](ValueId value) {
    return builder.create(OpCode::div, {builder.create(OpCode::reduce_sum, {value}, axes(list)), count});
  };
  const ValueId centre = mean(x), centred = builder.create(OpCode::sub, {x, centre});
  const ValueId variance = mean(builder.create(OpCode::mul, {centred, centred}));
  const ValueId scale =
      builder.create(OpCode::rsqrt, {builder.create(OpCode::add, {variance, builder.constant(1e-5)})});
  builder.output("y", builder.create(OpCode::mul, {gain, builder.create(OpCode::mul, {centred, scale})}));
  builder.output("mean", centre);
  builder.output("variance", variance);
  const ir::Graph body = builder.take();
  check_body(body, random_inputs(random, body));
  check_body(body, random_inputs(random, body),
             {{{490, 1, 70, 10}, {}}, {{490, 1, 70, 10}, {}, {}}, {}});  // channels last
}

TEST_CASE("gather along lanes, and out of bounds indices stay in the table") {
  std::mt19937 random(10);
  Builder builder("gather");
  const ValueId table = builder.input("table", ir::f32({50})), indices = builder.input("indices", ir::i32({77}));
  builder.output("y", builder.create(OpCode::neg, {builder.create(OpCode::gather, {table, indices})}));
  const ir::Graph body = builder.take();
  std::vector<Tensor> inputs = random_inputs(random, body);
  for (double& index : inputs[1].data) index = std::int64_t(index) % 50;
  check_body(body, inputs);
  cpu::Jit jit;
  jit.add(kernel::lower(body, {{}, {}}, {{}}, "gather"));
  jit.compile();
  inputs[1].data[3] = 1000;
  inputs[1].data[70] = -1;
  const std::vector<Tensor> got = run_once(jit.kernel(0), body, inputs, {}, 1, nullptr);
  CHECK(got[0].data[3] == -inputs[0].data[49]);
  CHECK(got[0].data[70] == -inputs[0].data[49]);
}

// A sample of pictures [4,C,..] that are rows of a table of the dtype; theta mixes turns, flips, crops and places far
// outside.
void check_sample(unsigned seed, DType dtype, std::int64_t channels, std::int64_t height, std::int64_t width,
                  std::int64_t new_height, std::int64_t new_width) {
  CAPTURE(height);
  CAPTURE(width);
  std::mt19937 random(seed);
  Builder builder("sample");
  const ValueId table = builder.input("table", {dtype, {9, channels, height, width}});
  const ValueId indices = builder.input("indices", ir::i32({4})), theta = builder.input("theta", ir::f32({4, 2, 3}));
  const ValueId shift = builder.input("shift", ir::f32({channels, 1, 1}));
  ValueId x = builder.create(OpCode::gather, {table, indices});
  if (dtype != DType::f32) x = builder.create(OpCode::cast, {x}, {}, ir::f32({4, channels, height, width}));
  x = builder.create(OpCode::add, {x, shift});
  builder.output("y", builder.create(OpCode::neg, {builder.create(OpCode::affine_sample, {x, theta}, {},
                                                                  ir::f32({4, channels, new_height, new_width}))}));
  const ir::Graph body = builder.take();
  std::vector<Tensor> inputs = random_inputs(random, body);
  inputs[1].data = {8, 0, 3, 3};
  const std::vector<double> fixed = {0, -1, 0, 1, 0, 0, -1, 0, 0.25, 0, 1, -0.5, 1e9, 0, 3e9, 0, 1, 0};
  std::copy(fixed.begin(), fixed.end(), inputs[2].data.begin());
  for (double& each : inputs[2].data) each = std::round(each * 64) / 64;  // few digits: a coordinate loses none in f32
  check_body(body, inputs);
  check_body(body, inputs, {}, "x86-64-v3");
}

TEST_CASE("samples of pictures at computed places") {
  check_sample(20, DType::u8, 3, 32, 32, 32, 32);
  check_sample(21, DType::u8, 1, 28, 28, 28, 28);
  check_sample(22, DType::f32, 2, 5, 7, 11, 3);
  check_sample(23, DType::f32, 3, 1, 1, 4, 4);
  check_sample(24, DType::f16, 2, 6, 6, 17, 17);
  check_sample(25, DType::bf16, 1, 9, 33, 8, 40);
}

TEST_CASE("computed indices: rows by arithmetic, of a table of indices too") {
  std::mt19937 random(26);
  Builder builder("turns");
  const ValueId table = builder.input("table", {DType::u8, {9, 3, 5}}),
                indices = builder.input("indices", ir::i32({4}));
  const auto scalar = [&](double value) {
    return builder.create(OpCode::constant, {}, Attrs().set(Attr::values, std::vector<double>{value}), ir::f32({}));
  };
  const ValueId number = builder.create(OpCode::iota, {}, Attrs().set(Attr::axis, 0), ir::f32({16}));
  const ValueId quarter =
      builder.create(OpCode::cast, {builder.create(OpCode::mul, {number, scalar(0.25)})}, {}, ir::i32({16}));
  const ValueId rows = builder.create(OpCode::gather, {table, indices});
  builder.output(
      "y", builder.create(OpCode::cast, {builder.create(OpCode::gather, {rows, quarter})}, {}, ir::f32({16, 3, 5})));
  const ir::Graph body = builder.take();
  std::vector<Tensor> inputs = random_inputs(random, body);
  inputs[1].data = {8, 0, 3, 3};
  check_body(body, inputs);
}

TEST_CASE("integers, bools and narrow floats") {
  std::mt19937 random(11);
  Builder builder("types");
  const auto typed = [](DType dtype) { return Type{dtype, {5, 21}}; };
  const ValueId i = builder.input("i", typed(DType::i32)), u = builder.input("u", typed(DType::u8));
  const ValueId b = builder.input("b", typed(DType::boolean)), h = builder.input("h", typed(DType::f16));
  const ValueId w = builder.input("w", typed(DType::bf16)), f = builder.input("f", typed(DType::f32));
  const auto cast = [&](ValueId value, DType dtype) { return builder.create(OpCode::cast, {value}, {}, typed(dtype)); };
  builder.output("i", builder.create(OpCode::sub, {builder.create(OpCode::mul, {i, i}),
                                                   builder.create(OpCode::max, {i, cast(u, DType::i32)})}));
  builder.output("sum", builder.create(OpCode::reduce_sum, {i}, axes({0, 1})));
  builder.output("most", builder.create(OpCode::reduce_max, {i}, axes({0})));
  builder.output("u", cast(i, DType::u8));
  builder.output("f_to_i", cast(f, DType::i32));
  builder.output("f_to_u", cast(builder.create(OpCode::abs, {f}), DType::u8));
  builder.output("f_to_b", cast(cast(f, DType::i32), DType::boolean));
  builder.output("b", builder.create(OpCode::logical_or,
                                     {builder.create(OpCode::logical_not, {b}), builder.create(OpCode::eq, {u, u})}));
  builder.output("b_to_f", cast(builder.create(OpCode::ne, {b, builder.create(OpCode::lt, {f, builder.constant(0)})}),
                                DType::f32));
  builder.output("h", builder.create(OpCode::mul, {h, cast(f, DType::f16)}));
  builder.output("w", builder.create(OpCode::add, {w, cast(f, DType::bf16)}));
  builder.output("wide", cast(w, DType::f32));
  const ir::Graph body = builder.take();
  for (const std::string cpu : {"native", "x86-64-v3"}) check_body(body, random_inputs(random, body), {}, cpu);
}

TEST_CASE("literals and numbers that vary along few dims") {
  std::mt19937 random(12);
  Builder builder("literal");
  const ValueId x = builder.input("x", ir::f32({4, 3}));
  const ValueId weights =
      builder.create(OpCode::constant, {}, Attrs().set(Attr::values, std::vector<double>{1, -2, 0.5}), ir::f32({3}));
  const ValueId row = builder.create(OpCode::exp, {weights});  // needs no loop over the first dim
  builder.output("y", builder.create(OpCode::mul, {x, row}));
  builder.output("row", row);
  builder.output("sum", builder.create(OpCode::reduce_sum, {row}, axes({0})));
  const ir::Graph body = builder.take();
  check_body(body, random_inputs(random, body));
}

TEST_CASE("NaN and infinity pass through reductions") {
  Builder builder("nan");
  const ValueId x = builder.input("x", ir::f32({3, 40}));
  builder.output("max", builder.create(OpCode::reduce_max, {x}, axes({1})));
  builder.output("sum", builder.create(OpCode::reduce_sum, {x}, axes({1})));
  const ir::Graph body = builder.take();
  Tensor input = reference::filled(ir::f32({3, 40}), 1);
  input.data[5] = std::numeric_limits<double>::quiet_NaN();
  input.data[40 + 17] = -std::numeric_limits<double>::infinity();
  input.data[80 + 39] = std::numeric_limits<double>::infinity();
  check_body(body, {input});
}

TEST_CASE("a kernel of one number") {
  Builder builder("scalar");
  const ValueId x = builder.input("x", ir::f32({}));
  builder.output("y", builder.create(OpCode::exp, {x}));
  const ir::Graph body = builder.take();
  check_body(body, {reference::filled(ir::f32({}), 0.5)});
}

TEST_CASE("an unknown cpu is the user's error, and so is one without AVX2") {
  CHECK_THROWS_WITH_AS(cpu::find_target("zen99"), doctest::Contains("unknown cpu \"zen99\""), Error);
  CHECK_THROWS_WITH_AS(cpu::find_target("x86-64"), doctest::Contains("lacks AVX2"), Error);
  CHECK(cpu::find_target("x86-64-v4").vector_width == 16);
  CHECK(cpu::find_target("x86-64-v3").vector_width == 8);
}

TEST_CASE("object files stand alone, position independent or not") {
  const bench::VaeKernel each = bench::VaeKernels(16).bce();
  const kernel::Kernel lowered = kernel::lower(each.body, {{}, {}}, {{}, {}, {}}, "bce");
  cpu::EmittedModule module({&lowered}, cpu::find_target("x86-64-v3"));
  module.optimise();
  REQUIRE(module.facts().size() == 1);
  CHECK(module.facts()[0].has_finish);
  CHECK(module.object(true).size() > 500);
  CHECK(std::string(module.object(false).data() + 1, 3) == "ELF");
  CHECK(module.assembly().find("call") == std::string::npos);  // no function of a library
}

TEST_CASE("parallel_chunks covers each chunk once") {
  for (const int threads : {1, 2, 3, 8})
    for (const std::int64_t chunks : {0, 1, 2, 7, 100}) {
      std::vector<int> seen(std::size_t(chunks), 0);
      const auto body = [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) ++seen[std::size_t(i)];
      };
      cpu::parallel_chunks(chunks, threads, body);
      CHECK(std::all_of(seen.begin(), seen.end(), [](int each) { return each == 1; }));
    }
}

}  // namespace weft
