#include "tests/fuzz/graphs/subject.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "backends/reference/reference.h"
#include "ir/error.h"
#include "tests/fuzz/graphs/generator.h"

namespace weft::fuzz {

using ir::DType;
using ir::Graph;
using ir::Role;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double extreme(Random& random) {
  static constexpr double kNumbers[] = {
      kNaN, kInfinity, -kInfinity, -0.0, 0, 1e-45, -1e-40, 3.4028234663852886e38, -3.4028234663852886e38,
      1e30, -1e-30,    1};
  return random.pick(kNumbers);
}

// How the numbers of one input are drawn.
struct Draw {
  Role role;
  bool positive = false;
  std::int64_t rows = 0;  // of the table that the input indexes
  bool integers = false;  // small whole numbers: ties and exact zeros
  bool extremes = false;
};

double draw(DType dtype, const Draw& how, Random& random) {
  switch (dtype) {
    case DType::f32:
    case DType::bf16:
    case DType::f16:
      if (how.positive) return 0.25 + random.unit();
      if (how.extremes && random.chance(20)) return extreme(random);
      return how.integers ? double(random.between(-3, 3)) : 4 * random.unit() - 2;
    case DType::i32: {
      static constexpr double kNumbers[] = {2147483647, -2147483648.0, 65536, -1, 0, 16777217, 46341};
      if (how.rows > 0 && !(how.extremes && random.chance(20))) return double(random.below(std::size_t(how.rows)));
      if (how.role == Role::rng) return double(std::int32_t(random.next() & 0xFFFFFFFFu));
      return how.extremes && random.chance(20) ? random.pick(kNumbers) : double(random.between(-3, 5));
    }
    case DType::u8:
      return double(random.chance(50) ? random.below(4) : random.below(256));
    case DType::boolean:
      return double(random.below(2));
  }
  return 0;
}

Draw how_to_draw(const Graph& graph, const ir::Input& input, Random& random, Numbers numbers) {
  const std::string& name = graph.values[input.value].name;
  Draw how{input.role};
  how.positive = name.starts_with("positive");
  if (name.starts_with("index")) how.rows = std::strtoll(name.c_str() + 5, nullptr, 10);
  how.integers = numbers != Numbers::smooth && random.chance(25);
  how.extremes = numbers == Numbers::extreme && random.chance(50);
  return how;
}

}  // namespace

ir::Bindings random_bindings(const Graph& graph, Random& random) {
  ir::Bindings bindings;
  for (const std::string& symbol : graph.symbols()) bindings[symbol] = random.between(1, kLargestSymbol);
  return bindings;
}

Tensors random_inputs(const Graph& graph, Random& random, Numbers numbers) {
  Tensors inputs;
  for (const ir::Input& input : graph.inputs) {
    Tensor tensor = reference::filled(graph.type(input.value), 0);
    const Draw how = how_to_draw(graph, input, random, numbers);
    for (double& each : tensor.data)
      each = reference::round_to(tensor.type.dtype, draw(tensor.type.dtype, how, random));
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

bool sums(ir::OpCode code) {
  const ir::OpKind kind = ir::info(code).kind;
  return kind == ir::OpKind::contraction || kind == ir::OpKind::reduce || kind == ir::OpKind::pooling ||
         code == ir::OpCode::scatter_add || code == ir::OpCode::affine_sample || code == ir::OpCode::affine_sample_grad;
}

Tensors all_values(const Graph& graph, const Tensors& inputs) {
  Graph all = graph;
  all.outputs.clear();
  for (ir::ValueId value = 0; value < graph.values.size(); ++value)
    all.outputs.push_back({fmt::format("v{}", value), value, ir::kNone});
  return reference::run<double>(all, inputs);
}

namespace {

bool agree(double before, double after, const Tolerance& tolerance) {
  if (tolerance.relative == 0 && before == after) return std::signbit(before) == std::signbit(after);
  if (before == after || (std::isnan(before) && std::isnan(after))) return true;
  if (!std::isfinite(before)) return !tolerance.nonfinite;
  return std::abs(before - after) <= tolerance.relative * std::max(std::abs(before), std::abs(after));
}

}  // namespace

std::vector<Difference> differences(const Tensors& before, const Tensors& after, const Tolerance& tolerance) {
  std::vector<Difference> found;
  for (std::size_t i = 0; i < before.size(); ++i)
    for (std::size_t j = 0; j < before[i].data.size(); ++j)
      if (!agree(before[i].data[j], after[i].data[j], tolerance))
        found.push_back({i, j, before[i].data[j], after[i].data[j]});
  return found;
}

namespace {

bool is_exact(ir::OpCode code) {
  using enum ir::OpCode;
  static constexpr ir::OpCode kExact[] = {
      constant,  iota,          dim_size,  neg,   abs,    sign,       floor,      relu,
      cast,      stop_gradient, max,       min,   select, reduce_max, max_pool2d, max_pool2d_grad,
      broadcast, reshape,       transpose, slice, pad,    concat,     gather,     pack,
      view};
  return std::ranges::find(kExact, code) != std::end(kExact);
}

// The graph with rounding made visible: what rounds is off by up to `noise`, and so is what is summed, for sums of
// large numbers that cancel lose more than their result shows. A zero takes either sign.
class Noisy {
 public:
  // `doubt` says what is too near to tell apart, also where `noise` is 0.
  Noisy(const Graph& source, Random& random, const Noise& noise, const Noise& doubt)
      : source_(source), random_(random), noise_(noise), doubt_(doubt) {}

  Graph make() {
    maker_.graph.name = source_.name;
    now_.resize(source_.values.size());
    for (const ir::Input& input : source_.inputs)
      now_[input.value] = maker_.input(source_.values[input.value].name, source_.type(input.value), input.role);
    for (const ir::Input& input : source_.inputs) now_[input.value] = shaken(now_[input.value], false);
    for (const ir::Op& op : source_.ops) copy(op);
    for (const ir::Output& output : source_.outputs)
      maker_.graph.outputs.push_back({output.name, now_[output.value], ir::kNone});
    return std::move(maker_.graph);
  }

 private:
  void copy(const ir::Op& op) {
    std::vector<ir::ValueId> operands;
    for (const ir::ValueId operand : op.operands)
      operands.push_back(sums(op.code) ? shaken(now_[operand], true) : now_[operand]);
    if (op.code == ir::OpCode::eq || op.code == ir::OpCode::ne) operands[1] = snapped(operands[0], operands[1]);
    const ir::ValueId result = maker_.add(op.code, operands, op.attrs, source_.type(op.results[0]));
    now_[op.results[0]] = shaken(result, !is_exact(op.code));
  }

  // What rounding may have made different is equal, one time in two.
  ir::ValueId snapped(ir::ValueId a, ir::ValueId b) {
    const ir::DType dtype = maker_.type(a).dtype;
    if (!is_float(dtype) || random_.chance(50)) return b;
    using enum ir::OpCode;
    const ir::ValueId distance = maker_.add(abs, {maker_.add(sub, {a, b})});
    const ir::ValueId size = maker_.add(add, {maker_.add(abs, {a}), maker_.add(abs, {b})});
    const ir::ValueId near = maker_.add(mul, {size, filled({dtype, {}}, {of(doubt_, dtype)})});
    return maker_.add(select, {maker_.add(lt, {distance, near}), a, b});
  }

  // x * (1 + noise) and the smallest float more or less, or where x is 0, perhaps -x. A normal number is the product of
  // one that is far from 0 and a cosine near 0: its error does not shrink with it.
  ir::ValueId shaken(ir::ValueId x, bool rounds) {
    const ir::Type type = maker_.type(x);
    if (!is_float(type.dtype)) return x;
    const double scale = rounds ? of(noise_, type.dtype) : 0;
    const ir::Op* op = maker_.graph.producer(x);
    const bool drawn = op && op->code == ir::OpCode::random_normal;
    const double term = scale == 0                                  ? 0
                        : drawn                                     ? noise_.f32
                        : noise_.rounds && type.dtype == DType::f16 ? 0x1p-24
                                                                    : 0x1p-149;
    std::vector<double> factors, terms, signs;
    for (std::int64_t i = 0; i < type.elements(); ++i) {
      factors.push_back(1 + scale * (2 * random_.unit() - 1));
      terms.push_back(rounds ? term * double(random_.between(-2, 2)) : 0);
      signs.push_back(random_.chance(50) ? 1 : -1);
    }
    const ir::ValueId zero = filled(type, {0}), is_zero = maker_.add(ir::OpCode::eq, {x, zero});
    ir::ValueId near = maker_.add(ir::OpCode::mul, {x, filled(type, factors)});
    if (rounds) near = maker_.add(ir::OpCode::add, {near, filled(type, terms)});
    return maker_.add(ir::OpCode::select, {is_zero, maker_.add(ir::OpCode::mul, {x, filled(type, signs)}), near});
  }

  static double of(const Noise& noise, DType dtype) {
    return dtype == DType::f32 ? noise.f32 : dtype == DType::bf16 ? noise.bf16 : noise.f16;
  }

  ir::ValueId filled(const ir::Type& type, std::vector<double> values) {
    return maker_.add(ir::OpCode::constant, {}, ir::Attrs().set(ir::Attr::values, std::move(values)), type);
  }

  const Graph& source_;
  Random& random_;
  const Noise& noise_;
  const Noise& doubt_;
  Maker maker_;
  std::vector<ir::ValueId> now_;
};

// What an element was in the runs.
struct Spread {
  double low = kInfinity, high = -kInfinity;
  bool nan = false, finite = false;

  void add(double value) {
    nan = nan || std::isnan(value);
    finite = finite || std::isfinite(value);
    if (std::isnan(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool holds(double value) const {
    if (std::isnan(value)) return nan;
    if (!(low <= high)) return false;
    const double margin = std::isfinite(high - low) ? high - low : 0;
    return value >= low - margin && value <= high + margin;
  }
};

}  // namespace

std::vector<Difference> unexplained(const Graph& graph, const Tensors& inputs, const std::vector<Difference>& found,
                                    const Noise& noise, const Tolerance& tolerance) {
  constexpr int kRuns = 24;
  std::vector<Spread> spreads(found.size());
  Random random(1);
  for (std::size_t i = 0; i < found.size(); ++i) spreads[i].add(found[i].before);
  for (int run = 0; run < kRuns && !found.empty(); ++run) {
    // One in three keeps every digit, so that exact zeros stay, but for their sign.
    const Noise none{0, 0, 0, noise.rounds};
    const Graph noisy = Noisy(graph, random, run % 3 == 0 ? none : noise, noise).make();
    const Tensors outputs = noise.rounds ? reference::run<float>(noisy, inputs) : reference::run<double>(noisy, inputs);
    for (std::size_t i = 0; i < found.size(); ++i) spreads[i].add(outputs[found[i].output].data[found[i].element]);
  }
  std::vector<Difference> left;
  for (std::size_t i = 0; i < found.size(); ++i)
    if (!spreads[i].holds(found[i].after) && (tolerance.nonfinite || std::isfinite(spreads[i].high - spreads[i].low)))
      left.push_back(found[i]);
  return left;
}

std::string describe(const Graph& graph, const Difference& difference) {
  return fmt::format("output {}, element {}: {:.9g} before, {:.9g} after", graph.outputs[difference.output].name,
                     difference.element, difference.before, difference.after);
}

}  // namespace weft::fuzz
