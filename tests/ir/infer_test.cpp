// The type rules: results and refusals of every kind of op.
#include <doctest/doctest.h>

#include "ir/builder.h"
#include "ir/error.h"
#include "tests/support/attrs.h"

namespace weft::ir {
namespace {

using test::axes;

const Dim B("B");

Attrs window(std::vector<std::int64_t> stride, std::vector<std::int64_t> padding = {0, 0},
             std::vector<std::int64_t> dilation = {1, 1}, std::int64_t groups = 1) {
  return Attrs()
      .set(Attr::stride, std::move(stride))
      .set(Attr::padding, std::move(padding))
      .set(Attr::dilation, std::move(dilation))
      .set(Attr::groups, groups);
}

Attrs pool(std::vector<std::int64_t> kernel, std::vector<std::int64_t> stride, std::vector<std::int64_t> padding) {
  return window(std::move(stride), std::move(padding)).set(Attr::kernel, std::move(kernel));
}

Attrs with(Attr key, AttrValue value) { return Attrs().set(key, std::move(value)); }
Attrs axis(std::int64_t number) { return with(Attr::axis, number); }
Attrs start(Dims dims) { return with(Attr::start, std::move(dims)); }
Attrs values(std::vector<double> list) { return with(Attr::values, std::move(list)); }
Type boolean(Dims dims) { return {DType::boolean, std::move(dims)}; }

Type rule(OpCode code, std::vector<Type> operands, const Attrs& attrs = {}, std::optional<Type> written = {}) {
  return infer(code, operands, attrs, written);
}

std::string refusal(OpCode code, std::vector<Type> operands, const Attrs& attrs = {},
                    std::optional<Type> written = {}) {
  try {
    infer(code, operands, attrs, written);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST_CASE("infer: elementwise") {
  CHECK(rule(OpCode::add, {f32({B, 4}), f32({4})}) == f32({B, 4}));
  CHECK(rule(OpCode::add, {i32({3, 1}), i32({1, 4})}) == i32({3, 4}));
  CHECK(rule(OpCode::lt, {i32({3}), i32({})}) == boolean({3}));
  CHECK(rule(OpCode::eq, {boolean({3}), boolean({3})}) == boolean({3}));
  CHECK(rule(OpCode::select, {boolean({B, 1}), f32({4}), f32({})}) == f32({B, 4}));
  CHECK(rule(OpCode::logical_and, {boolean({B}), boolean({})}) == boolean({B}));
  CHECK(rule(OpCode::cast, {f32({B})}, {}, i32({B})) == i32({B}));
  CHECK(rule(OpCode::stop_gradient, {boolean({B})}) == boolean({B}));

  CHECK(refusal(OpCode::add, {f32({B, 784}), f32({512})}) == "shapes do not broadcast: f32[B,784] and f32[512]");
  CHECK(refusal(OpCode::add, {f32({B}), f32({Dim("N")})}) == "shapes do not broadcast: f32[B] and f32[N]");
  CHECK(refusal(OpCode::mul, {f32({B}), i32({B})}) == "dtypes differ: f32[B] and i32[B]; cast one of them");
  CHECK(refusal(OpCode::exp, {i32({B})}) == "needs floats, got i32[B]");
  CHECK(refusal(OpCode::div, {i32({B}), i32({B})}) == "needs floats, got i32[B] and i32[B]");
  CHECK(refusal(OpCode::neg, {{DType::u8, {B}}}) == "needs floats or i32, got u8[B]");
  CHECK(refusal(OpCode::gt, {boolean({B}), boolean({B})}) == "needs floats or i32, got bool[B] and bool[B]");
  CHECK(refusal(OpCode::logical_not, {f32({B})}) == "needs bools, got f32[B]");
  CHECK(refusal(OpCode::select, {f32({B}), f32({B}), f32({B})}) == "the condition must be a bool, got f32[B]");
  CHECK(refusal(OpCode::cast, {f32({B})}, {}, i32({2})) == "a cast keeps the dims: f32[B] to i32[2]");
  CHECK(refusal(OpCode::cast, {f32({B})}) == "needs its result type written");
  CHECK(refusal(OpCode::exp, {f32({B})}, {}, f32({2})) == "the result is f32[B], but f32[2] is written");
}

TEST_CASE("infer: sources") {
  CHECK(rule(OpCode::constant, {}, values({1}), f32({B, 2})) == f32({B, 2}));
  CHECK(refusal(OpCode::constant, {}, values({1, 2}), f32({3})) == "2 values do not fill f32[3]");
  CHECK(refusal(OpCode::constant, {}, values({1, 2}), f32({B})) == "2 values do not fill f32[B]");
  CHECK(refusal(OpCode::constant, {}, values({}), f32({})) ==
        "values is empty; f32[] needs one number, or one per element");
  CHECK(refusal(OpCode::constant, {}, values({1.5}), i32({})) == "1.5 is not a valid i32");
  CHECK(refusal(OpCode::constant, {}, values({3e9}), i32({})) == "3000000000 is not a valid i32");
  CHECK(refusal(OpCode::constant, {}, values({-1}), Type{DType::u8, {}}) == "-1 is not a valid u8");
  CHECK(refusal(OpCode::constant, {}, values({256}), Type{DType::u8, {}}) == "256 is not a valid u8");
  CHECK(refusal(OpCode::constant, {}, values({2}), boolean({})) == "2 is not a valid bool");
  CHECK(refusal(OpCode::constant, {}, {}, f32({})) ==
        "needs the attribute values (row-major numbers of a constant, or one for all)");
  CHECK(refusal(OpCode::constant, {}, values({1}), f32({0, 3})) ==
        "f32[0,3] has a dim of size 0; every dim must hold at least 1 element");
  CHECK(refusal(OpCode::constant, {}, values({1}), f32({1 << 30, 1 << 30})) ==
        "f32[1073741824,1073741824] has 1.2e+18 elements; the limit is 1e+15");
  CHECK(refusal(OpCode::iota, {}, axis(2), i32({3, 4})) == "axis 2 is beyond i32[3,4]");
  CHECK(refusal(OpCode::iota, {}, axis(-1), i32({3})) == "attribute axis must be at least 0, got -1");
  CHECK(refusal(OpCode::iota, {}, with(Attr::axis, std::string("x")), i32({3})) ==
        "attribute axis is a whole number, got a text");
  CHECK(refusal(OpCode::dim_size, {}, with(Attr::dim, Dims{B, B}), i32({})) ==
        "dim is one dim greater than 0, got [B,B]");
  CHECK(refusal(OpCode::dim_size, {}, with(Attr::dim, Dims{B}), i32({1})) ==
        "the result is a scalar f32[] or i32[], but i32[1] is written");
  CHECK(refusal(OpCode::random_normal, {f32({4})}, with(Attr::stream, std::int64_t(0)), f32({B})) ==
        "the operand is i32[4] (seed and step), got f32[4]");
  CHECK(refusal(OpCode::random_normal, {i32({4})}, with(Attr::stream, std::int64_t(0)), i32({B})) ==
        "the result is f32, but i32[B] is written");
}

TEST_CASE("infer: reductions") {
  CHECK(rule(OpCode::reduce_sum, {f32({B, 3, 4})}, axes({0, 2})) == f32({1, 3, 1}));
  CHECK(refusal(OpCode::reduce_sum, {f32({B, 3})}, axes({2})) == "axis 2 is beyond f32[B,3]");
  CHECK(refusal(OpCode::reduce_sum, {f32({B, 3})}, axes({1, 0})) == "axes must ascend: 0 follows 1");
  CHECK(refusal(OpCode::reduce_sum, {f32({B, 3})}, axes({})) == "axes is empty: nothing of f32[B,3] to reduce");
  CHECK(refusal(OpCode::reduce_max, {boolean({3})}, axes({0})) == "needs floats or i32, got bool[3]");
}

TEST_CASE("infer: matmul") {
  const Attrs transpose_b = with(Attr::transpose_b, std::int64_t(1));
  CHECK(rule(OpCode::matmul, {f32({B, 784}), f32({784, 400}), f32({400})}) == f32({B, 400}));
  CHECK(rule(OpCode::matmul, {f32({B, 784}), f32({400, 784})}, transpose_b) == f32({B, 400}));
  CHECK(rule(OpCode::matmul, {f32({B, 784}), f32({B, 400})}, with(Attr::transpose_a, std::int64_t(1))) ==
        f32({784, 400}));
  const auto narrow = [](Dims dims) { return Type{DType::bf16, std::move(dims)}; };
  CHECK(rule(OpCode::matmul, {narrow({B, 7}), narrow({7, 4})}) == narrow({B, 4}));
  CHECK(rule(OpCode::matmul, {narrow({B, 7}), narrow({7, 4}), f32({4})}, {}, f32({B, 4})) == f32({B, 4}));
  CHECK(refusal(OpCode::matmul, {narrow({B, 7}), narrow({7, 4}), narrow({4})}, {}, f32({B, 4})) ==
        "the bias must be f32[4], got bf16[4]");
  CHECK(refusal(OpCode::matmul, {f32({B, 7}), f32({7, 4})}, {}, narrow({B, 4})) ==
        "the result is f32[B,4], but bf16[B,4] is written");
  CHECK(refusal(OpCode::matmul, {f32({B, 7}), narrow({7, 4})}) ==
        "dtypes differ: f32[B,7] and bf16[7,4]; cast one of them");
  CHECK(refusal(OpCode::matmul, {f32({B, 784}), f32({512, 128})}) ==
        "inner dimensions differ: f32[B,784] x f32[512,128]");
  CHECK(refusal(OpCode::matmul, {f32({B, 784}), f32({784, 400})}, transpose_b) ==
        "inner dimensions differ: f32[B,784] x f32[784,400] transposed");
  CHECK(refusal(OpCode::matmul, {f32({B, 2, 3}), f32({3, 4})}) ==
        "multiplies matrices of 2 dims, or as many with equal leading dims, got f32[B,2,3] x f32[3,4]");
  CHECK(rule(OpCode::matmul, {f32({B, 5, 2, 3}), f32({B, 5, 4, 3})}, transpose_b) == f32({B, 5, 2, 4}));
  CHECK(refusal(OpCode::matmul, {f32({B, 3}), f32({3, 4}), f32({3})}) == "the bias must be f32[4], got f32[3]");
  CHECK(refusal(OpCode::matmul, {i32({B, 3}), i32({3, 4})}) == "needs floats, got i32[B,3] and i32[3,4]");
  const auto activated = [](const char* name) {
    return refusal(OpCode::matmul, {f32({B, 3}), f32({3, 4})}, with(Attr::activation, std::string(name)));
  };
  for (const std::string name : {"add", "logical_not", "stop_gradient", "cast", "matmul", "swish"})
    CHECK(activated(name.c_str()) ==
          "activation must name an elementwise op of one float, as relu or tanh; got " + name + " for f32[B,4]");
}

TEST_CASE("infer: convolutions, by the formulas of Dumoulin and Visin") {
  CHECK(rule(OpCode::conv2d, {f32({B, 3, 32, 32}), f32({16, 3, 3, 3}), f32({16})}, window({2, 2}, {1, 1})) ==
        f32({B, 16, 16, 16}));
  CHECK(rule(OpCode::conv2d, {f32({B, 4, 9, 9}), f32({6, 2, 3, 3})}, window({1, 2}, {0, 0}, {2, 1}, 2)) ==
        f32({B, 6, 5, 4}));
  CHECK(rule(OpCode::conv_transpose2d, {f32({B, 4, 2, 2}), f32({4, 3, 3, 3})},
             window({2, 2}, {1, 1}).set(Attr::output_padding, std::vector<std::int64_t>{1, 0})) == f32({B, 3, 4, 3}));
  CHECK(rule(OpCode::conv_transpose2d, {f32({B, 4, 2, 2}), f32({4, 3, 3, 3})},
             window({2, 2}, {1, 1}, {2, 2}, 2).set(Attr::output_padding, std::vector<std::int64_t>{1, 1})) ==
        f32({B, 6, 6, 6}));
  CHECK(rule(OpCode::conv2d_weight_grad, {f32({B, 3, 32, 32}), f32({B, 16, 16, 16})}, pool({3, 3}, {2, 2}, {1, 1})) ==
        f32({16, 3, 3, 3}));

  CHECK(refusal(OpCode::conv2d, {f32({B, 3, 2, 9}), f32({4, 3, 3, 3})}, window({1, 1}, {0, 0}, {2, 2})) ==
        "the kernel is larger than its input: along the height it covers 5 (kernel 3, dilation 2), the input has 2 (2 "
        "and padding 0 on both sides)");
  CHECK(refusal(OpCode::conv2d, {f32({B, 3, 9, 9}), f32({4, 1, 3, 3})}, window({1, 1}, {0, 0}, {1, 1}, 2)) ==
        "groups must divide the channels: 2 groups, 3 input channels in f32[B,3,9,9]");
  CHECK(refusal(OpCode::conv2d, {f32({B, 4, 9, 9}), f32({3, 2, 3, 3})}, window({1, 1}, {0, 0}, {1, 1}, 2)) ==
        "groups must divide the channels: 2 groups, 3 output channels in f32[3,2,3,3]");
  CHECK(refusal(OpCode::conv2d, {f32({B, 4, 9, 9}), f32({6, 3, 3, 3})}) ==
        "channels differ: f32[B,4,9,9] has 4 channels in 1 groups, so the kernel takes 4, but f32[6,3,3,3] takes 3");
  CHECK(refusal(OpCode::conv2d, {f32({B, 4, Dim("H"), 9}), f32({6, 4, 3, 3})}) ==
        "dim 2 of the input must be a number: H is a symbol in f32[B,4,H,9]");
  CHECK(refusal(OpCode::conv2d, {f32({B, 4, 9}), f32({6, 4, 3, 3})}) ==
        "the input has 4 dims [N,C,H,W], got f32[B,4,9]");
  CHECK(refusal(OpCode::conv2d, {f32({B, 4, 9, 9}), f32({6, 4, 3, 3})}, window({0, 1})) ==
        "attribute stride must be at least 1, got 0");
  CHECK(refusal(OpCode::conv2d, {f32({B, 4, 9, 9}), f32({6, 4, 3, 3})}, window({2, 2, 2})) ==
        "attribute stride is a pair [height, width], got 3 number(s)");
  CHECK(refusal(OpCode::conv2d, {f32({B, 4, 9, 9}), f32({6, 4, 3, 3}), f32({4})}) ==
        "the bias must be f32[6], got f32[4]");
  CHECK(refusal(OpCode::conv_transpose2d, {f32({B, 4, 2, 2}), f32({4, 3, 3, 3})},
                window({2, 2}).set(Attr::output_padding, std::vector<std::int64_t>{0, 2})) ==
        "output_padding must be less than the larger of stride and dilation: along the width, output_padding 2, stride "
        "2, dilation 1");
  CHECK(refusal(OpCode::conv_transpose2d, {f32({B, 4, 1, 1}), f32({4, 3, 3, 3})}, window({1, 1}, {2, 2})) ==
        "the padding removes the whole result: along the height the result has 3 before padding, padding 2 removes 4");
  CHECK(refusal(OpCode::conv_transpose2d, {f32({B, 4, 2, 2}), f32({3, 3, 3, 3})}) ==
        "channels differ: f32[B,4,2,2] has 4, but the kernel f32[3,3,3,3] takes 3");
  CHECK(
      refusal(OpCode::conv2d_weight_grad, {f32({B, 3, 32, 32}), f32({B, 16, 15, 16})}, pool({3, 3}, {2, 2}, {1, 1})) ==
      "the convolution of f32[B,3,32,32] by f32[16,3,3,3] gives f32[B,16,16,16], but dy is f32[B,16,15,16]");
}

TEST_CASE("infer: images in nhwc") {
  const auto nhwc = [](Attrs attrs) { return attrs.set(Attr::layout, std::string("nhwc")); };
  CHECK(rule(OpCode::conv2d, {f32({B, 32, 30, 3}), f32({16, 3, 3, 3}), f32({16})}, nhwc(window({2, 2}, {1, 1}))) ==
        f32({B, 16, 15, 16}));
  CHECK(rule(OpCode::conv_transpose2d, {f32({B, 16, 15, 16}), f32({16, 3, 3, 3})}, nhwc(window({2, 2}, {1, 1}))) ==
        f32({B, 31, 29, 3}));
  CHECK(rule(OpCode::conv2d_weight_grad, {f32({B, 32, 30, 3}), f32({B, 16, 15, 16})},
             nhwc(pool({3, 3}, {2, 2}, {1, 1}))) == f32({16, 3, 3, 3}));
  const Attrs attrs = nhwc(pool({3, 3}, {2, 2}, {1, 1}));
  CHECK(rule(OpCode::max_pool2d, {f32({B, 7, 8, 2})}, attrs) == f32({B, 4, 4, 2}));
  CHECK(rule(OpCode::max_pool2d_grad, {f32({B, 7, 8, 2}), f32({B, 4, 4, 2})}, attrs) == f32({B, 7, 8, 2}));
  CHECK(rule(OpCode::avg_pool2d_grad, {f32({B, 4, 4, 2})}, attrs, f32({B, 8, 7, 2})) == f32({B, 8, 7, 2}));
  CHECK(refusal(OpCode::max_pool2d, {f32({B, 7, 8, 2})},
                pool({2, 2}, {2, 2}, {0, 0}).set(Attr::layout, std::string("hwcn"))) ==
        "layout must be nchw or nhwc, got hwcn");
  CHECK(refusal(OpCode::conv2d, {f32({B, 9, 9}), f32({6, 4, 3, 3})}, nhwc({})) ==
        "the input has 4 dims [N,C,H,W], got f32[B,9,9]");
  CHECK(!window({1, 1}).set(Attr::layout, std::string("nchw")).has(Attr::layout));
}

TEST_CASE("infer: pooling") {
  const Attrs attrs = pool({3, 3}, {2, 2}, {1, 1});
  CHECK(rule(OpCode::max_pool2d, {f32({B, 2, 7, 8})}, attrs) == f32({B, 2, 4, 4}));
  CHECK(rule(OpCode::max_pool2d_grad, {f32({B, 2, 7, 8}), f32({B, 2, 4, 4})}, attrs) == f32({B, 2, 7, 8}));
  CHECK(rule(OpCode::avg_pool2d_grad, {f32({B, 2, 4, 4})}, attrs, f32({B, 2, 8, 7})) == f32({B, 2, 8, 7}));
  CHECK(refusal(OpCode::max_pool2d, {f32({B, 2, 7, 8})}) == "needs the attribute kernel (pair)");
  CHECK(refusal(OpCode::max_pool2d, {f32({B, 2, 7, 8})}, pool({2, 2}, {2, 2}, {2, 2})) ==
        "padding must be less than the kernel, or a window holds nothing: along the height, padding 2, kernel 2");
  CHECK(refusal(OpCode::max_pool2d_grad, {f32({B, 2, 7, 8}), f32({B, 2, 4, 5})}, attrs) ==
        "pooling f32[B,2,7,8] gives f32[B,2,4,4], but dy is f32[B,2,4,5]");
  CHECK(refusal(OpCode::avg_pool2d_grad, {f32({B, 2, 4, 4})}, attrs, f32({B, 2, 9, 9})) ==
        "pooling the written f32[B,2,9,9] gives f32[B,2,5,5], but dy is f32[B,2,4,4]");
}

TEST_CASE("infer: movement") {
  const Dim two_b("B", 2);
  CHECK(rule(OpCode::broadcast, {f32({4})}, {}, f32({B, 4})) == f32({B, 4}));
  CHECK(rule(OpCode::reshape, {f32({B, 4})}, {}, f32({two_b, 2})) == f32({two_b, 2}));
  CHECK(rule(OpCode::transpose, {f32({B, 3, 4})}, with(Attr::perm, std::vector<std::int64_t>{2, 0, 1})) ==
        f32({4, B, 3}));
  CHECK(rule(OpCode::slice, {f32({two_b, 4})}, start({B, 1}), f32({B, 3})) == f32({B, 3}));
  CHECK(rule(OpCode::pad, {f32({B, 3})}, start({B, 0}), f32({two_b, 4})) == f32({two_b, 4}));
  CHECK(rule(OpCode::concat, {f32({B, 4}), f32({B, 4}), f32({two_b, 4})}, axis(0)) == f32({Dim("B", 4), 4}));
  CHECK(rule(OpCode::gather, {f32({10, 4, 2}), i32({B})}) == f32({B, 4, 2}));
  CHECK(rule(OpCode::scatter_add, {i32({B}), f32({B, 4})}, {}, f32({10, 4})) == f32({10, 4}));
  CHECK(rule(OpCode::affine_sample, {f32({B, 1, 28, 28}), f32({B, 2, 3})}, {}, f32({B, 1, 14, 14})) ==
        f32({B, 1, 14, 14}));
  CHECK(rule(OpCode::affine_sample_grad, {f32({B, 2, 3}), f32({B, 1, 14, 14})}, {}, f32({B, 1, 28, 28})) ==
        f32({B, 1, 28, 28}));

  CHECK(refusal(OpCode::broadcast, {f32({B, 4})}, {}, f32({4})) == "f32[B,4] does not broadcast to f32[4]");
  CHECK(refusal(OpCode::broadcast, {f32({4})}, {}, i32({B, 4})) == "the dtype stays f32, but i32[B,4] is written");
  CHECK(refusal(OpCode::reshape, {f32({B, 4})}, {}, f32({B, 5})) ==
        "the number of elements differs: f32[B,4] to f32[B,5]");
  CHECK(refusal(OpCode::transpose, {f32({B, 3})}, with(Attr::perm, std::vector<std::int64_t>{0, 0})) ==
        "perm [0,0] is not a permutation of the dims of f32[B,3]");
  CHECK(refusal(OpCode::slice, {f32({B, 4})}, start({0, 2}), f32({B, 3})) ==
        "dim 1 leaves the bounds: from 2, size 3, of 4 in f32[B,4]");
  CHECK(refusal(OpCode::slice, {f32({two_b, 4})}, start({Dim("B", 2), 0}), f32({B, 4})) ==
        "dim 0 leaves the bounds: from 2*B, size B, of 2*B in f32[2*B,4]");
  CHECK(refusal(OpCode::slice, {f32({B, 4})}, start({0}), f32({B, 3})) ==
        "ranks differ: f32[B,3] in f32[B,4] from [0]");
  CHECK(refusal(OpCode::slice, {f32({4})}, start({-1}), f32({3})) == "start must not be negative, got [-1]");
  CHECK(refusal(OpCode::pad, {f32({4})}, start({1}), f32({4})) ==
        "dim 0 leaves the bounds: from 1, size 4, of 4 in f32[4]");
  CHECK(refusal(OpCode::concat, {f32({B, 4}), f32({3, 4})}, axis(0)) ==
        "cannot add B and 3 along axis 0: one symbol or numbers are needed in f32[B,4] and f32[3,4]");
  CHECK(refusal(OpCode::concat, {f32({B, 4}), f32({B, 5})}, axis(0)) ==
        "dims other than axis 0 must be equal: f32[B,4] and f32[B,5]");
  CHECK(refusal(OpCode::concat, {f32({4})}, axis(1)) == "axis 1 is beyond f32[4]");
  CHECK(refusal(OpCode::gather, {f32({10, 4}), f32({B})}) == "indices must be i32 with 1 dim, got f32[B]");
  CHECK(refusal(OpCode::scatter_add, {i32({B}), f32({3, 4})}, {}, f32({10, 4})) ==
        "needs one row per index: i32[B] and f32[3,4]");
  CHECK(refusal(OpCode::scatter_add, {i32({B}), f32({B, 4})}, {}, f32({10, 5})) ==
        "rows differ: f32[B,4] into f32[10,5]");
  CHECK(refusal(OpCode::affine_sample, {f32({B, 1, 8, 8}), f32({B, 3, 2})}, {}, f32({B, 1, 8, 8})) ==
        "theta must hold one 2x3 matrix per image, [B,2,3], got f32[B,3,2]");
  CHECK(refusal(OpCode::affine_sample, {f32({B, 1, 8, 8}), f32({B, 2, 3})}, {}, f32({B, 2, 8, 8})) ==
        "images and channels must stay: f32[B,1,8,8] and f32[B,2,8,8]");
}

TEST_CASE("infer: pack and view") {
  const auto offsets = [](std::vector<std::int64_t> list) { return with(Attr::offsets, std::move(list)); };
  const auto offset = [](std::int64_t number) { return with(Attr::offset, number); };
  CHECK(rule(OpCode::pack, {f32({2, 3}), f32({})}, offsets({1, 0}), f32({8})) == f32({8}));
  CHECK(rule(OpCode::view, {f32({64})}, offset(48), f32({4, 4})) == f32({4, 4}));
  CHECK(refusal(OpCode::pack, {f32({2, 3}), f32({2})}, offsets({0, 5}), f32({8})) ==
        "operands 0 and 1 overlap: 0 to 6 and 5 to 7");
  CHECK(refusal(OpCode::pack, {f32({6}), f32({})}, offsets({0, 8}), f32({8})) ==
        "operand 1 at offset 8 leaves the bounds: f32[] in f32[8]");
  CHECK(refusal(OpCode::pack, {f32({6})}, offsets({0, 6}), f32({8})) == "2 offsets for 1 operands");
  CHECK(refusal(OpCode::pack, {f32({B})}, offsets({0}), f32({8})) == "operand 0 must have a fixed size, got f32[B]");
  CHECK(refusal(OpCode::pack, {}, offsets({}), f32({8})) == "takes 1 or more operands, got 0");
  CHECK(refusal(OpCode::view, {f32({64})}, offset(49), f32({4, 4})) ==
        "f32[4,4] at offset 49 leaves the bounds of f32[64]");
  CHECK(refusal(OpCode::view, {f32({8, 8})}, offset(0), f32({4, 4})) == "the operand must have 1 dim(s), got f32[8,8]");
}

}  // namespace
}  // namespace weft::ir
