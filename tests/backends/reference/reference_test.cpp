// The reference interpreter against values computed elsewhere (../shared/REFERENCE.md), definitions and itself.
#include "backends/reference/reference.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/layout.h"
#include "runtime/rng.h"

using namespace weft;
using ir::Attr;
using ir::Attrs;
using ir::DType;
using ir::f32;
using ir::i32;
using ir::OpCode;
using reference::Tensor;

namespace {

using Values = std::vector<double>;
using Pair = std::vector<std::int64_t>;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// The result of one op.
template <typename Real = double>
Tensor evaluate(OpCode code, const std::vector<Tensor>& operands, Attrs attrs = {}, std::optional<ir::Type> type = {}) {
  ir::Builder builder("one");
  std::vector<ir::ValueId> ids;
  for (std::size_t i = 0; i < operands.size(); ++i)
    ids.push_back(builder.input("x" + std::to_string(i), operands[i].type));
  builder.output("y", builder.create(code, ids, std::move(attrs), std::move(type)));
  return reference::run<Real>(builder.take(), operands).front();
}

Tensor scalar(double value, DType dtype = DType::f32) { return {{dtype, {}}, {value}}; }
Tensor vector(Values values, DType dtype = DType::f32) {
  const auto length = std::int64_t(values.size());
  return {{dtype, {length}}, std::move(values)};
}
Tensor counting(ir::Dims dims, double first = 1) {
  Tensor result = reference::filled(f32(std::move(dims)), 0);
  for (double& each : result.data) each = first++;
  return result;
}
Tensor random_tensor(const ir::Type& type, unsigned seed) {
  std::mt19937 random(seed);
  Tensor result = reference::filled(type, 0);
  for (double& each : result.data) each = std::uniform_real_distribution<>(-1, 1)(random);
  return result;
}
double dot(const Tensor& a, const Tensor& b) {
  REQUIRE(a.type == b.type);
  double sum = 0;
  for (std::size_t i = 0; i < a.data.size(); ++i) sum += a.data[i] * b.data[i];
  return sum;
}
double sum_of(const Tensor& x) { return dot(x, reference::filled(x.type, 1)); }
Values first(const Tensor& x, std::size_t count) { return {x.data.begin(), x.data.begin() + std::ptrdiff_t(count)}; }

Attrs convolution(Pair stride, Pair padding, Pair dilation = {1, 1}, std::int64_t groups = 1) {
  return Attrs()
      .set(Attr::stride, std::move(stride))
      .set(Attr::padding, std::move(padding))
      .set(Attr::dilation, std::move(dilation))
      .set(Attr::groups, groups);
}

}  // namespace

TEST_CASE("elementwise ops are the functions of their names") {
  struct Row {
    OpCode code;
    double (*function)(double);
  };
  const Row rows[] = {
      {OpCode::neg, [](double x) { return -x; }},
      {OpCode::abs, [](double x) { return std::fabs(x); }},
      {OpCode::sign, [](double x) { return double((x > 0) - (x < 0)); }},
      {OpCode::floor, [](double x) { return std::floor(x); }},
      {OpCode::exp, [](double x) { return std::exp(x); }},
      {OpCode::expm1, [](double x) { return std::exp(x) - 1; }},
      {OpCode::log, [](double x) { return std::log(x); }},
      {OpCode::log1p, [](double x) { return std::log(1 + x); }},
      {OpCode::sqrt, [](double x) { return std::sqrt(x); }},
      {OpCode::rsqrt, [](double x) { return std::pow(x, -0.5); }},
      {OpCode::sin, [](double x) { return std::sin(x); }},
      {OpCode::cos, [](double x) { return std::cos(x); }},
      {OpCode::tanh, [](double x) { return (std::exp(x) - std::exp(-x)) / (std::exp(x) + std::exp(-x)); }},
      {OpCode::sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }},
      {OpCode::softplus, [](double x) { return std::log(1 + std::exp(x)); }},
      {OpCode::erf, [](double x) { return std::erf(x); }},
      {OpCode::relu, [](double x) { return x > 0 ? x : 0; }},
      {OpCode::stop_gradient, [](double x) { return x; }},
  };
  for (const Row& row : rows)
    for (const double x : {0.25, 0.5, 1.75, 3.0, -0.5, -2.25}) {
      const double expected = row.function(x);
      if (std::isnan(expected)) continue;
      CAPTURE(ir::name(row.code));
      CAPTURE(x);
      CHECK(evaluate(row.code, {scalar(x)}).data[0] == doctest::Approx(expected).epsilon(1e-12));
    }
}

TEST_CASE("the ends of the number line") {
  CHECK(evaluate<float>(OpCode::softplus, {vector({-200, 200, 0})}).data == Values{0, 200, double(std::log(2.0f))});
  CHECK(evaluate<float>(OpCode::sigmoid, {vector({-200, 200, 0})}).data == Values{0, 1, 0.5});
  CHECK(evaluate<float>(OpCode::exp, {vector({100, -200})}).data == Values{kInfinity, 0});
  CHECK(std::isnan(evaluate(OpCode::relu, {scalar(kNan)}).data[0]));
  CHECK(std::isnan(evaluate(OpCode::sign, {scalar(kNan)}).data[0]));
  for (const OpCode code : {OpCode::max, OpCode::min}) {
    CHECK(std::isnan(evaluate(code, {scalar(kNan), scalar(1)}).data[0]));
    CHECK(std::isnan(evaluate(code, {scalar(1), scalar(kNan)}).data[0]));
  }
  CHECK(std::isnan(evaluate(OpCode::reduce_max, {vector({1, kNan, 2})}, Attrs().set(Attr::axes, Pair{0})).data[0]));
}

TEST_CASE("two and three operands broadcast as numpy does") {
  const Tensor column{f32({2, 1}), {10, 20}}, row = vector({1, 2, 3});
  const auto apply = [&](OpCode code) { return evaluate(code, {column, row}).data; };
  CHECK(apply(OpCode::add) == Values{11, 12, 13, 21, 22, 23});
  CHECK(apply(OpCode::sub) == Values{9, 8, 7, 19, 18, 17});
  CHECK(apply(OpCode::mul) == Values{10, 20, 30, 20, 40, 60});
  CHECK(apply(OpCode::div)[1] == 5);
  CHECK(apply(OpCode::pow)[5] == 8000);
  CHECK(evaluate(OpCode::max, {row, scalar(2)}).data == Values{2, 2, 3});
  CHECK(evaluate(OpCode::min, {row, scalar(2)}).data == Values{1, 2, 2});
  const auto compare = [&](OpCode code) { return evaluate(code, {row, scalar(2)}).data; };
  CHECK(compare(OpCode::eq) == Values{0, 1, 0});
  CHECK(compare(OpCode::ne) == Values{1, 0, 1});
  CHECK(compare(OpCode::lt) == Values{1, 0, 0});
  CHECK(compare(OpCode::le) == Values{1, 1, 0});
  CHECK(compare(OpCode::gt) == Values{0, 0, 1});
  CHECK(compare(OpCode::ge) == Values{0, 1, 1});
  const Tensor p = vector({0, 0, 1, 1}, DType::boolean), q = vector({0, 1, 0, 1}, DType::boolean);
  CHECK(evaluate(OpCode::logical_and, {p, q}).data == Values{0, 0, 0, 1});
  CHECK(evaluate(OpCode::logical_or, {p, q}).data == Values{0, 1, 1, 1});
  CHECK(evaluate(OpCode::logical_not, {p}).data == Values{1, 1, 0, 0});
  CHECK(evaluate(OpCode::select, {vector({1, 0, 1}, DType::boolean), row, scalar(-1)}).data == Values{1, -1, 3});
}

TEST_CASE("integers are exact, wrap and truncate") {
  const double big = 2147483647;  // not a float
  CHECK(evaluate<float>(OpCode::add, {scalar(big, DType::i32), scalar(0, DType::i32)}).data[0] == big);
  CHECK(evaluate<float>(OpCode::add, {scalar(big, DType::i32), scalar(1, DType::i32)}).data[0] == -2147483648.0);
  const auto cast = [](Values from, DType a, DType b) {
    const auto length = std::int64_t(from.size());
    return evaluate<float>(OpCode::cast, {vector(std::move(from), a)}, {}, ir::Type{b, {length}}).data;
  };
  CHECK(cast({2.9, -2.9, 0.5}, DType::f32, DType::i32) == Values{2, -2, 0});
  CHECK(cast({255, 256, -1}, DType::i32, DType::u8) == Values{255, 0, 255});
  CHECK(cast({0, 0.5, -3}, DType::f32, DType::boolean) == Values{0, 1, 1});
  CHECK(cast({16777217}, DType::i32, DType::f32) == Values{16777216});
  CHECK(cast({1.00390625, 1.01171875, 3.4e38}, DType::f32, DType::bf16) == Values{1, 1.015625, kInfinity});
  CHECK(cast({1 + 0x1p-11, 65504, 65520, 0x1p-24, 0x1p-26}, DType::f32, DType::f16) ==
        Values{1, 65504, kInfinity, 0x1p-24, 0});
}

TEST_CASE("every bit pattern of 16-bit floats survives memory") {
  for (const DType dtype : {DType::bf16, DType::f16}) {
    std::vector<std::uint16_t> bits(1 << 16), back(1 << 16);
    for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = std::uint16_t(i);
    const Tensor tensor = reference::from_bytes({dtype, {1 << 16}}, bits.data());
    reference::to_bytes(tensor, back.data());
    int different = 0;
    for (std::size_t i = 0; i < bits.size(); ++i) {
      const double value = tensor.data[i];
      different += !(std::isnan(value) || back[i] == bits[i]) ||
                   !(std::isnan(value) || reference::round_to(dtype, value) == value);
    }
    CHECK(different == 0);
    CHECK(tensor.data[dtype == DType::bf16 ? 0x3fc0 : 0x3e00] == 1.5);
    CHECK(tensor.data[1] == (dtype == DType::bf16 ? 0x1p-133 : 0x1p-24));
  }
}

TEST_CASE("sources") {
  CHECK(evaluate(OpCode::constant, {}, Attrs().set(Attr::values, Values{3}), f32({2})).data == Values{3, 3});
  CHECK(evaluate(OpCode::iota, {}, Attrs().set(Attr::axis, std::int64_t(1)), i32({2, 3})).data ==
        Values{0, 1, 2, 0, 1, 2});
  CHECK(evaluate(OpCode::dim_size, {}, Attrs().set(Attr::dim, ir::Dims{7}), f32({})).data == Values{7});
}

TEST_CASE("random numbers are those of rng.h for any seed word") {
  const Values words[] = {{0, 0, 0, 0}, {-1, -2147483648.0, 16777217, 5}, {2147483647, 123456789, -7, -1}};
  for (const Values& word : words) {
    const auto bits = [&](int i) { return std::uint64_t(std::uint32_t(std::int32_t(word[std::size_t(i)]))); };
    const runtime::RandomSource source{bits(0) | bits(1) << 32, 9, bits(2) | bits(3) << 32};
    const Attrs stream = Attrs().set(Attr::stream, std::int64_t(9));
    const Tensor rng{i32({4}), word};
    const Tensor u = evaluate<float>(OpCode::random_uniform, {rng}, stream, f32({5, 7}));
    const Tensor z = evaluate<float>(OpCode::random_normal, {rng}, stream, f32({5, 7}));
    for (std::uint32_t i = 0; i < 35; ++i) {
      CHECK(u.data[i] == double(runtime::uniform(source, i)));
      CHECK(z.data[i] == double(runtime::normal(source, i)));
    }
  }
}

TEST_CASE("moments of the random ops") {
  const Tensor rng{i32({4}), {42, 0, 1, 0}};
  const Attrs stream = Attrs().set(Attr::stream, std::int64_t(3));
  const ir::Type type = f32({200, 500});
  const Tensor u = evaluate<float>(OpCode::random_uniform, {rng}, stream, type);
  CHECK(sum_of(u) / 1e5 == doctest::Approx(0.5).epsilon(0.01));
  CHECK(dot(u, u) / 1e5 - 0.25 == doctest::Approx(1.0 / 12).epsilon(0.02));
  const Attrs other = Attrs().set(Attr::stream, std::int64_t(4));
  const Tensor z = evaluate<float>(OpCode::random_normal, {rng}, other, type);
  CHECK(std::abs(sum_of(z) / 1e5) < 0.01);
  CHECK(dot(z, z) / 1e5 == doctest::Approx(1).epsilon(0.02));
  CHECK(std::abs(dot(z, u) / 1e5) < 0.01);  // streams are independent
}

TEST_CASE("reductions") {
  const Tensor x = counting({2, 3, 2});
  const auto reduce = [&](OpCode code, Pair axes) { return evaluate(code, {x}, Attrs().set(Attr::axes, axes)); };
  CHECK(reduce(OpCode::reduce_sum, {1}).data == Values{9, 12, 27, 30});
  CHECK(reduce(OpCode::reduce_sum, {1}).type == f32({2, 1, 2}));
  CHECK(reduce(OpCode::reduce_sum, {0, 1, 2}).data == Values{78});
  CHECK(reduce(OpCode::reduce_max, {0, 2}).data == Values{8, 10, 12});
  CHECK(evaluate(OpCode::reduce_max, {vector({-3, -2})}, Attrs().set(Attr::axes, Pair{0})).data == Values{-2});
}

TEST_CASE("matmul with transposes, bias and activation") {
  const Tensor a{f32({2, 3}), {1, 2, 3, 4, 5, 6}}, at{f32({3, 2}), {1, 4, 2, 5, 3, 6}};
  const Tensor b{f32({3, 2}), {1, -1, 0, 2, 1, 0}}, bt{f32({2, 3}), {1, 0, 1, -1, 2, 0}};
  const Values expected{4, 3, 10, 6};
  const auto transposed = [](bool ta, bool tb) {
    return Attrs().set(Attr::transpose_a, std::int64_t(ta)).set(Attr::transpose_b, std::int64_t(tb));
  };
  CHECK(evaluate(OpCode::matmul, {a, b}).data == expected);
  CHECK(evaluate(OpCode::matmul, {at, b}, transposed(true, false)).data == expected);
  CHECK(evaluate(OpCode::matmul, {a, bt}, transposed(false, true)).data == expected);
  CHECK(evaluate(OpCode::matmul, {at, bt}, transposed(true, true)).data == expected);
  CHECK(evaluate(OpCode::matmul, {a, b, vector({-5, -4})}, Attrs().set(Attr::activation, std::string("relu"))).data ==
        Values{0, 0, 5, 2});
}

TEST_CASE("transposed convolutions of REFERENCE.md") {
  const Tensor x{f32({1, 1, 2, 2}), {1, 2, 3, 4}}, w = counting({1, 1, 3, 3});
  const auto transposed = [&](std::int64_t stride, std::int64_t padding, std::int64_t output_padding,
                              std::int64_t dilation = 1) {
    return evaluate(OpCode::conv_transpose2d, {x, w},
                    convolution({stride, stride}, {padding, padding}, {dilation, dilation})
                        .set(Attr::output_padding, Pair{output_padding, output_padding}));
  };
  CHECK(transposed(1, 0, 0).data == Values{1, 4, 7, 6, 7, 23, 33, 24, 19, 53, 63, 42, 21, 52, 59, 36});
  CHECK(transposed(2, 1, 0).data == Values{5, 14, 10, 14, 36, 24, 15, 34, 20});
  CHECK(transposed(2, 1, 1).data == Values{5, 14, 10, 12, 14, 36, 24, 30, 15, 34, 20, 24, 24, 55, 32, 36});
  const Tensor five = transposed(2, 0, 0);
  CHECK(five.type == f32({1, 1, 5, 5}));
  CHECK(first(five, 5) == Values{1, 2, 5, 4, 6});
  CHECK(Values(five.data.begin() + 10, five.data.begin() + 15) == Values{10, 14, 36, 24, 30});
  CHECK(Values(five.data.begin() + 20, five.data.end()) == Values{21, 24, 55, 32, 36});
  const Tensor dilated = transposed(2, 1, 1, 2);
  CHECK(dilated.type == f32({1, 1, 6, 6}));
  CHECK(sum_of(dilated) == 385);
  const Tensor many =
      evaluate(OpCode::conv_transpose2d, {counting({1, 2, 2, 2}), counting({2, 3, 2, 2}), vector({0.5, -1, 2})},
               convolution({2, 2}, {0, 0}));
  CHECK(many.type == f32({1, 3, 4, 4}));
  CHECK(sum_of(many) == 6576);
  CHECK(first(many, 4) == Values{66.5, 72.5, 80.5, 88.5});
  CHECK(Values(many.data.end() - 4, many.data.end()) == Values{196, 206, 230, 242});
}

TEST_CASE("convolutions against sums written out") {
  const Tensor x = counting({1, 1, 3, 3}), w{f32({1, 1, 2, 2}), {1, 0, 0, -1}};
  CHECK(evaluate(OpCode::conv2d, {x, w}).data == Values{-4, -4, -4, -4});  // x[i][j] - x[i+1][j+1]
  CHECK(evaluate(OpCode::conv2d, {x, w}, convolution({2, 2}, {1, 1})).data == Values{-1, -3, -7, -4});
  CHECK(evaluate(OpCode::conv2d, {x, w}, convolution({1, 1}, {0, 0}, {2, 2})).data == Values{-8});
  // Two groups: each output sees its own input.
  const Tensor y =
      evaluate(OpCode::conv2d, {counting({1, 2, 1, 1}), Tensor{f32({2, 1, 1, 1}), {10, 100}}, vector({1, 2})},
               convolution({1, 1}, {0, 0}, {1, 1}, 2));
  CHECK(y.data == Values{11, 202});
}

TEST_CASE("the three convolutions are adjoint to each other") {
  int cases = 0;
  for (const std::int64_t stride : {1, 2, 3})
    for (const std::int64_t padding : {0, 1, 2})
      for (const std::int64_t dilation : {1, 2})
        for (const std::int64_t groups : {1, 2})
          for (const std::int64_t size : {6, 7, 8}) {
            const Attrs attrs = convolution({stride, 1}, {padding, 1}, {dilation, 1}, groups);
            const Tensor u = random_tensor(f32({2, 4, size, 5}), 1), w = random_tensor(f32({6, 4 / groups, 3, 2}), 2);
            const Tensor conv_u = evaluate(OpCode::conv2d, {u, w}, attrs);
            const Tensor v = random_tensor(conv_u.type, 3);
            const std::int64_t extra = (size + 2 * padding - dilation * 2 - 1) % stride;
            const Tensor back =
                evaluate(OpCode::conv_transpose2d, {v, w}, Attrs(attrs).set(Attr::output_padding, Pair{extra, 0}));
            const double expected = dot(conv_u, v);
            CHECK(dot(u, back) == doctest::Approx(expected));
            const Tensor dw = evaluate(OpCode::conv2d_weight_grad, {u, v}, Attrs(attrs).set(Attr::kernel, Pair{3, 2}));
            CHECK(dot(w, dw) == doctest::Approx(expected));
            ++cases;
          }
  CHECK(cases == 108);
}

TEST_CASE("pooling") {
  const Tensor x{f32({1, 1, 3, 4}), {1, 5, 2, 0, 7, 3, 7, -1, 4, 8, 6, 9}};
  const Attrs two = Attrs().set(Attr::kernel, Pair{2, 2}).set(Attr::stride, Pair{2, 2});
  CHECK(evaluate(OpCode::max_pool2d, {x}, two).data == Values{7, 7});
  CHECK(evaluate(OpCode::avg_pool2d, {x}, two).data == Values{4, 2});
  const Attrs padded = Attrs(two).set(Attr::padding, Pair{1, 1});
  CHECK(evaluate(OpCode::max_pool2d, {x}, padded).data == Values{1, 5, 0, 7, 8, 9});
  CHECK(evaluate(OpCode::avg_pool2d, {x}, padded).data == Values{0.25, 1.75, 0, 2.75, 6, 2});
  // The first of equal maxima takes it all; windows that overlap add up.
  const Attrs wide = Attrs().set(Attr::kernel, Pair{2, 3});
  const Tensor dy{f32({1, 1, 2, 2}), {1, 10, 100, 1000}};
  CHECK(evaluate(OpCode::max_pool2d_grad, {x, dy}, wide).data == Values{0, 0, 0, 0, 1, 0, 10, 0, 0, 100, 0, 1000});
  CHECK(evaluate(OpCode::avg_pool2d_grad, {dy}, wide, x.type).data[5] == doctest::Approx(1111.0 / 6));
}

TEST_CASE("an nhwc op is the nchw one between transposes") {
  const auto turned = [](const Tensor& x, const Pair& perm) {
    return evaluate(OpCode::transpose, {x}, Attrs().set(Attr::perm, perm));
  };
  struct Row {
    OpCode code;
    std::vector<ir::Dims> operands;  // nchw
    bool window;
  };
  for (const Row& row :
       {Row{OpCode::conv2d, {{2, 4, 7, 5}, {6, 2, 3, 2}, {6}}, false},
        Row{OpCode::conv_transpose2d, {{2, 4, 4, 5}, {4, 3, 3, 2}, {6}}, false},
        Row{OpCode::conv2d_weight_grad, {{2, 4, 7, 5}, {2, 6, 4, 4}}, true},
        Row{OpCode::max_pool2d, {{2, 3, 7, 5}}, true}, Row{OpCode::max_pool2d_grad, {{2, 3, 7, 5}, {2, 3, 4, 4}}, true},
        Row{OpCode::avg_pool2d, {{2, 3, 7, 5}}, true}, Row{OpCode::avg_pool2d_grad, {{2, 3, 4, 4}}, true}}) {
    const bool pooling = ir::info(row.code).kind == ir::OpKind::pooling;
    Attrs attrs = pooling ? Attrs().set(Attr::stride, Pair{2, 1}).set(Attr::padding, Pair{1, 0})
                          : convolution({2, 1}, {1, 0}, {1, 1}, 2);
    if (row.window) attrs.set(Attr::kernel, Pair{3, 2});
    const bool typed = row.code == OpCode::avg_pool2d_grad;
    std::vector<Tensor> plain, images;
    for (std::size_t i = 0; i < row.operands.size(); ++i) {
      plain.push_back(random_tensor(f32(row.operands[i]), unsigned(i)));
      images.push_back(ir::is_image_operand(row.code, i) ? turned(plain.back(), ir::kNchwToNhwc) : plain.back());
    }
    const Tensor expected = evaluate(row.code, plain, attrs, typed ? std::optional(f32({2, 3, 7, 5})) : std::nullopt);
    const Tensor got = evaluate(row.code, images, Attrs(attrs).set(Attr::layout, std::string("nhwc")),
                                typed ? std::optional(f32({2, 7, 5, 3})) : std::nullopt);
    const Tensor back = ir::makes_image(row.code) ? turned(got, ir::kNhwcToNchw) : got;
    CHECK(back.type == expected.type);
    CHECK(back.data == expected.data);
  }
}

TEST_CASE("movement") {
  const Tensor x = counting({2, 3});
  CHECK(evaluate(OpCode::broadcast, {Tensor{f32({2, 1}), {1, 2}}}, {}, f32({2, 2, 2})).data ==
        Values{1, 1, 2, 2, 1, 1, 2, 2});
  CHECK(evaluate(OpCode::reshape, {x}, {}, f32({3, 2})).data == x.data);
  CHECK(evaluate(OpCode::transpose, {x}, Attrs().set(Attr::perm, Pair{1, 0})).data == Values{1, 4, 2, 5, 3, 6});
  const Tensor cube = counting({2, 3, 4}, 0);
  const Tensor turned = evaluate(OpCode::transpose, {cube}, Attrs().set(Attr::perm, Pair{2, 0, 1}));
  CHECK(turned.type == f32({4, 2, 3}));
  CHECK(turned.data[(3 * 2 + 1) * 3 + 2] == cube.data[(1 * 3 + 2) * 4 + 3]);
  CHECK(evaluate(OpCode::slice, {x}, Attrs().set(Attr::start, ir::Dims{1, 1}), f32({1, 2})).data == Values{5, 6});
  CHECK(evaluate(OpCode::pad, {vector({1, 2})}, Attrs().set(Attr::start, ir::Dims{1}), f32({4})).data ==
        Values{0, 1, 2, 0});
  CHECK(evaluate(OpCode::concat, {x, Tensor{f32({2, 1}), {8, 9}}}, Attrs().set(Attr::axis, std::int64_t(1))).data ==
        Values{1, 2, 3, 8, 4, 5, 6, 9});
  const Tensor rows = vector({1, 0, 1}, DType::i32);
  CHECK(evaluate(OpCode::gather, {x, rows}).data == Values{4, 5, 6, 1, 2, 3, 4, 5, 6});
  CHECK(evaluate(OpCode::scatter_add, {rows, counting({3, 2})}, {}, f32({3, 2})).data == Values{3, 4, 6, 8, 0, 0});
  CHECK(evaluate(OpCode::pack, {vector({1, 2}), Tensor{f32({1, 2}), {3, 4}}}, Attrs().set(Attr::offsets, Pair{4, 1}),
                 f32({7}))
            .data == Values{0, 3, 4, 0, 1, 2, 0});
  CHECK(evaluate(OpCode::view, {counting({9})}, Attrs().set(Attr::offset, std::int64_t(3)), f32({2, 2})).data ==
        Values{4, 5, 6, 7});
}

TEST_CASE("an index beyond its table is that of the nearest row") {
  const Tensor rows = vector({-1, 2, 2147483647, -2147483648.0}, DType::i32);
  CHECK(evaluate(OpCode::gather, {counting({2, 1}), rows}).data == Values{1, 2, 2, 1});
  CHECK(evaluate(OpCode::scatter_add, {rows, counting({4, 1})}, {}, f32({2, 1})).data == Values{5, 5});
}

TEST_CASE("affine sampling") {
  const Tensor x = counting({1, 1, 2, 2});
  const auto sample = [&](Values theta, ir::Dims dims) {
    return evaluate(OpCode::affine_sample, {x, Tensor{f32({1, 2, 3}), std::move(theta)}}, {}, f32(std::move(dims)))
        .data;
  };
  CHECK(sample({1, 0, 0, 0, 1, 0}, {1, 1, 2, 2}) == Values{1, 2, 3, 4});
  CHECK(sample({-1, 0, 0, 0, 1, 0}, {1, 1, 2, 2}) == Values{2, 1, 4, 3});       // mirrored
  CHECK(sample({0, -1, 0, 1, 0, 0}, {1, 1, 2, 2}) == Values{2, 4, 1, 3});       // a quarter turn
  CHECK(sample({1, 0, 1, 0, 1, 0}, {1, 1, 2, 2}) == Values{2, 0, 4, 0});        // one pixel to the left, zeros follow
  CHECK(sample({1, 0, 0.5, 0, 1, 0}, {1, 1, 2, 2}) == Values{1.5, 1, 3.5, 2});  // half a pixel
  CHECK(sample({1, 0, 0, 0, 1, 0}, {1, 1, 1, 1}) == Values{2.5});               // the middle
  // Coordinates run over pixel edges: the outermost quarter lies half outside.
  CHECK(sample({1, 0, 0, 0, 1, 0}, {1, 1, 1, 4}) == Values{1.5, 2.25, 2.75, 2.25});
  const Tensor theta = random_tensor(f32({2, 2, 3}), 4), u = random_tensor(f32({2, 3, 5, 4}), 5),
               v = random_tensor(f32({2, 3, 4, 6}), 6);
  const Tensor sampled = evaluate(OpCode::affine_sample, {u, theta}, {}, v.type);
  CHECK(dot(sampled, v) == doctest::Approx(dot(u, evaluate(OpCode::affine_sample_grad, {theta, v}, {}, u.type))));
}
