// Contractions, pooling and sampling on the reference interpreter, against values that other software computed, sums
// written out and each other.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

#include "ir/error.h"
#include "ir/layout.h"
#include "tests/backends/reference/one_op.h"

using namespace weft;
using namespace weft::test;
using ir::Attr;
using ir::Attrs;
using ir::f32;
using ir::i32;

namespace {

using Pair = std::vector<std::int64_t>;

Tensor random_tensor(const ir::Type& type, unsigned seed) {
  std::mt19937 random(seed);
  Tensor result = reference::filled(type, 0);
  for (double& each : result.data) each = std::uniform_real_distribution<>(-1, 1)(random);
  return result;
}
Values first(const Tensor& x, std::size_t count) { return {x.data.begin(), x.data.begin() + std::ptrdiff_t(count)}; }

Attrs convolution(Pair stride, Pair padding, Pair dilation = {1, 1}, std::int64_t groups = 1) {
  return Attrs()
      .set(Attr::stride, std::move(stride))
      .set(Attr::padding, std::move(padding))
      .set(Attr::dilation, std::move(dilation))
      .set(Attr::groups, groups);
}

}  // namespace

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

TEST_CASE("transposed convolutions have the values of other software") {
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
