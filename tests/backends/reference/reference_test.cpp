// The reference interpreter against values that other software computed, definitions and itself.
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
#include "tests/backends/reference/one_op.h"

using namespace weft;
using namespace weft::test;
using ir::Attr;
using ir::Attrs;
using ir::DType;
using ir::f32;
using ir::i32;
using ir::OpCode;
using reference::Tensor;

namespace {

using Pair = std::vector<std::int64_t>;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Tensor scalar(double value, DType dtype = DType::f32) { return {{dtype, {}}, {value}}; }

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
