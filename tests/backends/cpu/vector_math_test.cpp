// The accuracy of the kernels' elementary functions against double libm, over samples of all floats, and their values
// at the edges. On the machine's own vectors and on AVX2's, whose code differs. WEFT_MATH_STEP=1 takes every float and
// prints the largest errors.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <random>

#include "backends/cpu/program/jit.h"
#include "ir/builder.h"
#include "ir/kernel/lower.h"
#include "runtime/rng.h"

namespace weft {
namespace {

using ir::Attr;
using ir::Attrs;
using ir::OpCode;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

const char* const kCpus[] = {"native", "x86-64-v3"};

bool reporting() { return std::getenv("WEFT_MATH_STEP") != nullptr; }

// y = op(operands) over vectors of n floats.
std::vector<float> apply(const std::string& cpu, OpCode code, const std::vector<std::vector<float>>& operands) {
  const std::int64_t n = std::int64_t(operands[0].size());
  ir::Builder builder("apply");
  std::vector<ir::ValueId> inputs;
  for (std::size_t i = 0; i < operands.size(); ++i)
    inputs.push_back(builder.input("x" + std::to_string(i), ir::f32({n})));
  builder.output("y", builder.create(code, inputs));
  cpu::Jit jit(cpu);
  jit.add(kernel::lower(builder.take(), std::vector<kernel::Strides>(operands.size()), {{}}, "apply"));
  jit.compile();
  std::vector<float> y(operands[0].size());
  std::vector<void*> buffers;
  for (const std::vector<float>& operand : operands) buffers.push_back(const_cast<float*>(operand.data()));
  buffers.push_back(y.data());
  cpu::run_kernel(jit.kernel(0), buffers.data(), nullptr, 2);
  return y;
}

std::uint32_t sample_step() {
  const char* text = std::getenv("WEFT_MATH_STEP");
  return text ? std::uint32_t(std::atoi(text)) : 2003;
}

// Floats of both signs with magnitudes from `low` to `high`, evenly over their bit patterns.
std::vector<float> samples(float low, float high, bool negative) {
  const auto bits = [](float x) {
    std::uint32_t result = 0;
    std::memcpy(&result, &x, 4);
    return result;
  };
  std::vector<float> values;
  for (std::uint64_t b = bits(low); b <= bits(high); b += sample_step()) {
    const std::uint32_t pattern = std::uint32_t(b);
    float x = 0;
    std::memcpy(&x, &pattern, 4);
    values.push_back(x);
    if (negative) values.push_back(-x);
  }
  return values;
}

// |got - exact| in units of the last place of the float nearest to exact. Overflow to infinity is exact.
double ulps(float got, double exact) {
  const float nearest = float(exact);
  if (got == nearest || (std::isnan(got) && std::isnan(exact))) return 0;
  if (!std::isfinite(got) || !std::isfinite(nearest)) return std::abs(exact) > 3.40282336e38 ? 0 : 1e9;
  const int exponent = std::max(std::ilogb(exact == 0 ? 1e-45 : exact), -126);
  return std::abs(double(got) - exact) / std::ldexp(1.0, exponent - 23);
}

struct Case {
  OpCode code;
  double (*exact)(double);
  float low, high;
  bool negative;
  double most;  // ulps: the most measured over every 61st float, rounded up
};

double rsqrt(double x) { return 1 / std::sqrt(x); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

const float kLeast = 1e-45f, kMost = 3.4028235e38f;

const Case kCases[] = {
    {OpCode::exp, std::exp, kLeast, 104.5f, true, 0.85},
    {OpCode::expm1, std::expm1, kLeast, 89.5f, true, 1.0},
    {OpCode::log, std::log, kLeast, kMost, false, 1.08},
    {OpCode::log1p, std::log1p, kLeast, kMost, false, 1.05},
    {OpCode::sqrt, std::sqrt, kLeast, kMost, false, 0.5},
    {OpCode::rsqrt, rsqrt, kLeast, kMost, false, 1.5},
    {OpCode::sin, std::sin, kLeast, 1e15f, true, 1.5},
    {OpCode::cos, std::cos, kLeast, 1e15f, true, 1.5},
    {OpCode::atan, std::atan, kLeast, kMost, true, 1.5},
    {OpCode::tanh, std::tanh, kLeast, 100.0f, true, 1.8},
    {OpCode::erf, std::erf, kLeast, 10.0f, true, 1.0},
    // 1/(1+e^-x) as ir/scalar.h writes it: the rounding of e^-x is all in the result
    {OpCode::sigmoid, sigmoid, kLeast, 87.0f, true, 2.4},
    {OpCode::softplus, softplus, kLeast, 100.0f, true, 1.65},
};

struct Edge {
  OpCode code;
  float x, y;
};

const Edge kEdges[] = {
    {OpCode::exp, 0, 1},
    {OpCode::exp, 100, kInfinity},
    {OpCode::exp, kMost, kInfinity},
    {OpCode::exp, kInfinity, kInfinity},
    {OpCode::exp, -kInfinity, 0},
    {OpCode::exp, -kMost, 0},
    {OpCode::exp, kNaN, kNaN},
    {OpCode::expm1, kInfinity, kInfinity},
    {OpCode::expm1, -kInfinity, -1},
    {OpCode::expm1, -kMost, -1},
    {OpCode::expm1, kNaN, kNaN},
    {OpCode::log, 1, 0},
    {OpCode::log, 0, -kInfinity},
    {OpCode::log, -1, kNaN},
    {OpCode::log, -kLeast, kNaN},
    {OpCode::log, -kInfinity, kNaN},
    {OpCode::log, kInfinity, kInfinity},
    {OpCode::log, kNaN, kNaN},
    {OpCode::log1p, 0, 0},
    {OpCode::log1p, -1, -kInfinity},
    {OpCode::log1p, -1.5f, kNaN},
    {OpCode::log1p, kInfinity, kInfinity},
    {OpCode::log1p, -kInfinity, kNaN},
    {OpCode::log1p, kNaN, kNaN},
    {OpCode::sin, 0, 0},
    {OpCode::sin, kInfinity, kNaN},
    {OpCode::sin, kNaN, kNaN},
    {OpCode::cos, 0, 1},
    {OpCode::cos, -kInfinity, kNaN},
    {OpCode::cos, kNaN, kNaN},
    {OpCode::atan, kInfinity, 1.57079637f},
    {OpCode::atan, -kInfinity, -1.57079637f},
    {OpCode::atan, kNaN, kNaN},
    {OpCode::tanh, 0, 0},
    {OpCode::tanh, kInfinity, 1},
    {OpCode::tanh, -kInfinity, -1},
    {OpCode::tanh, kNaN, kNaN},
    {OpCode::erf, kInfinity, 1},
    {OpCode::erf, -kInfinity, -1},
    {OpCode::erf, kMost, 1},
    {OpCode::erf, kNaN, kNaN},
    {OpCode::sigmoid, kInfinity, 1},
    {OpCode::sigmoid, -kInfinity, 0},
    {OpCode::sigmoid, kNaN, kNaN},
    {OpCode::softplus, kInfinity, kInfinity},
    {OpCode::softplus, -kInfinity, 0},
    {OpCode::softplus, kMost, kMost},
    {OpCode::softplus, kNaN, kNaN},
    {OpCode::sqrt, -1, kNaN},
    {OpCode::sqrt, kInfinity, kInfinity},
    {OpCode::relu, kNaN, kNaN},
    {OpCode::relu, -kInfinity, 0},
    {OpCode::sign, kNaN, kNaN},
    {OpCode::sign, -kLeast, -1},
};

}  // namespace

TEST_CASE("elementary functions are within their bounds over all floats") {
  for (const std::string cpu : kCpus) {
    for (const Case& each : kCases) {
      const std::vector<float> x = samples(each.low, each.high, each.negative);
      const std::vector<float> y = apply(cpu, each.code, {x});
      double worst = 0;
      float location = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double error = ulps(y[i], each.exact(double(x[i])));
        if (error > worst) worst = error, location = x[i];
      }
      CAPTURE(cpu);
      CAPTURE(ir::name(each.code));
      CAPTURE(location);
      if (reporting()) MESSAGE(cpu, " ", std::string(ir::name(each.code)), ": at most ", worst, " ulp, at ", location);
      CHECK(worst <= each.most);
    }
  }
}

TEST_CASE("log1p between -1 and 0") {
  for (const std::string cpu : kCpus) {
    std::vector<float> x = samples(kLeast, 0.99999994f, false);
    for (float& each : x) each = -each;
    const std::vector<float> y = apply(cpu, OpCode::log1p, {x});
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) worst = std::max(worst, ulps(y[i], std::log1p(double(x[i]))));
    CHECK(worst <= 1.1);
  }
}

TEST_CASE("elementary functions at the edges") {
  for (const std::string cpu : kCpus) {
    for (const Edge& each : kEdges) {
      CAPTURE(cpu);
      CAPTURE(ir::name(each.code));
      CAPTURE(each.x);
      // Edges sit among ordinary numbers, in full and in partial vectors.
      std::vector<float> x(37, 0.5f);
      x[3] = x[20] = x[36] = each.x;
      const std::vector<float> y = apply(cpu, each.code, {x});
      for (const std::size_t i : {3u, 20u, 36u}) CHECK((y[i] == each.y || (std::isnan(y[i]) && std::isnan(each.y))));
      CHECK(std::isfinite(y[0]));
    }
  }
}

TEST_CASE("pow is std::pow") {
  std::mt19937 random(5);
  std::vector<float> a, b;
  for (int i = 0; i < 400000; ++i) {
    a.push_back(float(std::exp(std::normal_distribution<double>(0, 1 + i % 40)(random))));
    b.push_back(float(std::normal_distribution<double>(0, 1 + i % 30)(random)));
  }
  const float edges[] = {0,     -0.0f,  1,     -1,        2,          -2,   3,    -3,   0.5f,
                         -0.5f, 1e-40f, kMost, kInfinity, -kInfinity, kNaN, 1e9f, -1e9f};
  for (const float x : edges)
    for (const float y : edges) a.push_back(x), b.push_back(y);
  for (const float beta : {0.9f, 0.999f})
    for (int t = 1; t < 100000; t += 7) a.push_back(beta), b.push_back(float(t));
  for (const std::string cpu : kCpus) {
    const std::vector<float> y = apply(cpu, OpCode::pow, {a, b});
    double worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double exact = std::pow(double(a[i]), double(b[i]));
      CAPTURE(a[i]);
      CAPTURE(b[i]);
      const bool special = !std::isfinite(a[i]) || !std::isfinite(b[i]) || !std::isfinite(float(exact));
      if (special)
        CHECK((y[i] == float(exact) || (std::isnan(y[i]) && std::isnan(exact))));
      else
        worst = std::max(worst, ulps(y[i], exact));
    }
    CHECK(worst <= 0.51);
  }
}

TEST_CASE("random numbers have the bits of runtime/rng.h") {
  for (const std::string cpu : kCpus) {
    ir::Builder builder("random");
    const auto rng = builder.input("rng", ir::i32({4}), ir::Role::rng);
    const auto attributes = Attrs().set(Attr::stream, std::int64_t{7});
    const ir::Type type = ir::f32({3, 5, 41});
    builder.output("uniform", builder.create(OpCode::random_uniform, {rng}, attributes, type));
    builder.output("normal", builder.create(OpCode::random_normal, {rng}, attributes, type));
    cpu::Jit jit(cpu);
    jit.add(kernel::lower(builder.take(), {{}}, {{}, {}}, "random"));
    jit.compile();
    const std::int32_t state[4] = {-12345, 99, 1 << 30, -7};
    std::vector<float> uniform(3 * 5 * 41), normal(uniform.size());
    void* buffers[] = {const_cast<std::int32_t*>(state), uniform.data(), normal.data()};
    cpu::run_kernel(jit.kernel(0), buffers, nullptr, 1);
    const runtime::RandomSource source{
        std::uint64_t(std::uint32_t(state[0])) | std::uint64_t(std::uint32_t(state[1])) << 32, 7,
        std::uint64_t(std::uint32_t(state[2])) | std::uint64_t(std::uint32_t(state[3])) << 32};
    for (std::uint32_t i = 0; i < uniform.size(); ++i) {
      CHECK(uniform[i] == runtime::uniform<float>(source, i));
      CHECK(double(normal[i]) == doctest::Approx(runtime::normal<double>(source, i)).epsilon(1e-6));
    }
  }
}

}  // namespace weft
