// CUDA kernels written by hand against the reference interpreter, on random shapes and at their edges.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "backends/cuda/ops/op_kernel.h"
#include "backends/reference/reference.h"
#include "ir/builder.h"
#include "ir/layout.h"
#include "tests/backends/cuda/cuda_check.h"
#include "tests/support/temp_folder.h"

namespace weft {
namespace {

using namespace test;
using ir::Attr;
using ir::Attrs;
using ir::DType;
using ir::OpCode;
using ir::Type;
using reference::Tensor;
using Numbers = std::vector<std::int64_t>;

Type type(DType dtype, const Numbers& dims) { return {dtype, ir::Dims(dims.begin(), dims.end())}; }
Type f32(const Numbers& dims) { return type(DType::f32, dims); }

// One op alone in a graph: the reference's answer, and the kernel that emit_op makes of it.
class OpCases {
 public:
  explicit OpCases(unsigned seed) : random_(seed) {}
  std::mt19937& random() { return random_; }
  std::int64_t below(std::int64_t end) { return std::int64_t(random_() % std::uint64_t(end)); }

  Tensor normal(const Type& of, double scale = 1) {
    Tensor tensor = reference::filled(of, 0);
    std::normal_distribution<double> distribution;
    for (double& each : tensor.data) each = reference::round_to(of.dtype, scale * distribution(random_));
    return tensor;
  }

  void add(OpCode code, const Attrs& attrs, std::vector<Tensor> operands, std::optional<Type> result = {},
           std::int64_t points = 64) {
    ir::Builder builder("op");
    std::vector<ir::ValueId> values;
    for (std::size_t i = 0; i < operands.size(); ++i)
      values.push_back(builder.input("x" + std::to_string(i), operands[i].type));
    builder.output("y", builder.create(code, values, attrs, std::move(result)));
    const ir::Graph graph = builder.take();
    cuda::EmittedKernel kernel = cuda::emit_op(graph, graph.ops[0], corpus_.next_name());
    corpus_.add({std::string(ir::name(code)),
                 std::move(kernel),
                 operands,
                 reference::run<float>(graph, operands),
                 {},
                 points,
                 false});
  }

  // similarity_lse in the forms that large shapes take: `depth` 0 is that of all pairs of tiles, both ways.
  void add_large_form(std::int64_t count, std::int64_t width, std::int64_t tile, std::int64_t depth) {
    Tensor x = normal(f32({count, width})), r = reference::filled(f32({count, 1}), 0.5);
    ir::Builder builder("op");
    const auto input = builder.input("x", x.type), scale = builder.input("r", r.type);
    builder.output("y", builder.create(OpCode::similarity_lse, {input, scale}));
    const cuda::OpShape shape{OpCode::similarity_lse, {}, {x.type, r.type}, r.type};
    const std::string name = corpus_.next_name();
    cuda::EmittedKernel kernel = depth == 0 ? cuda::emit_similarity_lse(shape, name, tile)
                                            : cuda::emit_similarity_lse_pairs(shape, name, tile, depth);
    const std::vector<Tensor> inputs = {x, r};
    corpus_.add(
        {"large form", std::move(kernel), inputs, reference::run<float>(builder.take(), inputs), {}, 64, false, true});
  }

  void check() const { corpus_.check(); }

 private:
  std::mt19937 random_;
  CudaCorpus corpus_;
};

Attrs windows(const Numbers& kernel, const Numbers& stride, const Numbers& padding, bool nhwc) {
  Attrs attrs;
  attrs.set(Attr::kernel, kernel).set(Attr::stride, stride).set(Attr::padding, padding);
  if (nhwc) attrs.set(Attr::layout, std::string("nhwc"));
  return attrs;
}

void add_pooling(OpCases& cases, bool nhwc, bool ties) {
  const Numbers kernel = {1 + cases.below(4), 1 + cases.below(4)}, stride = {1 + cases.below(3), 1 + cases.below(3)};
  const Numbers padding = {cases.below(kernel[0] / 2 + 1), cases.below(kernel[1] / 2 + 1)};
  const Numbers size = {kernel[0] + cases.below(9), kernel[1] + cases.below(9)};
  const Numbers windows_along = {(size[0] + 2 * padding[0] - kernel[0]) / stride[0] + 1,
                                 (size[1] + 2 * padding[1] - kernel[1]) / stride[1] + 1};
  const DType dtype = cases.below(4) == 0 ? DType::bf16 : DType::f32;
  const std::int64_t images = 1 + cases.below(3), channels = 1 + cases.below(5);
  Type large = type(dtype, {images, channels, size[0], size[1]});
  Type small = type(dtype, {images, channels, windows_along[0], windows_along[1]});
  if (nhwc) large = ir::to_nhwc(large), small = ir::to_nhwc(small);
  Tensor x = cases.normal(large);
  for (double& each : x.data) {
    if (ties) each = std::floor(each);
    if (ties && cases.below(40) == 0) each = std::numeric_limits<double>::quiet_NaN();
  }
  const Attrs attrs = windows(kernel, stride, padding, nhwc);
  const Tensor dy = cases.normal(small);
  cases.add(OpCode::max_pool2d, attrs, {x});
  cases.add(OpCode::avg_pool2d, attrs, {cases.normal(large)});
  cases.add(OpCode::max_pool2d_grad, attrs, {x, dy});
  cases.add(OpCode::avg_pool2d_grad, attrs, {dy}, large);
}

Tensor rotation(OpCases& cases, std::int64_t images) {
  Tensor theta = reference::filled(f32({images, 2, 3}), 0);
  for (std::int64_t n = 0; n < images; ++n) {
    double* t = &theta.data[std::size_t(n * 6)];
    const double angle = double(cases.below(4)) * std::acos(0.0);
    switch (cases.below(4)) {
      case 0:  // a turn by a multiple of 90 degrees
        t[0] = std::round(std::cos(angle)), t[1] = -std::round(std::sin(angle));
        t[3] = std::round(std::sin(angle)), t[4] = std::round(std::cos(angle));
        break;
      case 1:  // a crop, mirrored
        t[0] = -0.4, t[2] = 0.3, t[4] = 0.6, t[5] = -0.2;
        break;
      case 2:  // all samples at one place
        t[2] = 0.11, t[5] = -0.23;
        break;
      default:
        for (int i = 0; i < 6; ++i) t[i] = double(cases.below(2001) - 1000) / 700;
    }
    for (int i = 0; i < 6; ++i) t[i] = double(float(t[i]));
  }
  return theta;
}

Tensor positive(Tensor tensor, double scale) {
  for (double& each : tensor.data) each = double(float((std::abs(each) + 0.1) * scale));
  return tensor;
}

void add_similarity(OpCases& cases, std::int64_t count, std::int64_t width) {
  const Tensor x = cases.normal(f32({count, width}), 1 / std::sqrt(double(width)));
  const Tensor r = positive(cases.normal(f32({count, 1})), 1.5);
  cases.add(OpCode::similarity_lse, {}, {x, r});
  ir::Builder builder("lse");
  const auto input = builder.input("x", x.type), scale = builder.input("r", r.type);
  builder.output("lse", builder.create(OpCode::similarity_lse, {input, scale}));
  const Tensor lse = reference::run<float>(builder.take(), {x, r})[0];
  cases.add(OpCode::similarity_lse_grad, {}, {x, r, lse, cases.normal(r.type)}, {}, count);
}

}  // namespace

TEST_CASE("pooling and its gradients, in both layouts") {
  OpCases cases(21);
  for (int i = 0; i < 24; ++i) add_pooling(cases, i % 2 == 1, i % 3 == 0);
  cases.check();
}

TEST_CASE("scatter_add of repeated indices") {
  OpCases cases(22);
  for (const Numbers& shape : {Numbers{1, 1, 1}, {5, 40, 7}, {300, 3, 1}, {2, 17, 200}, {30, 129, 33}}) {
    Tensor indices = reference::filled(type(DType::i32, {shape[1]}), 0);
    for (double& each : indices.data) each = double(cases.below(shape[0]));
    cases.add(OpCode::scatter_add, {}, {indices, cases.normal(f32({shape[1], shape[2]}))}, f32({shape[0], shape[2]}));
  }
  cases.check();
}

TEST_CASE("the gradient of affine sampling") {
  OpCases cases(23);
  for (int i = 0; i < 12; ++i) {
    const std::int64_t images = 4, channels = 1 + cases.below(3);
    const Numbers image = {images, channels, 1 + cases.below(12), 1 + cases.below(12)};
    const Numbers samples = {images, channels, 1 + cases.below(12), 1 + cases.below(12)};
    cases.add(OpCode::affine_sample_grad, {}, {rotation(cases, images), cases.normal(f32(samples))}, f32(image));
  }
  cases.check();
}

TEST_CASE("streaming similarities and their gradient") {
  OpCases cases(24);
  for (const Numbers& shape : {Numbers{2, 1}, {3, 5}, {64, 16}, {65, 17}, {130, 64}, {200, 128}, {70, 150}})
    add_similarity(cases, shape[0], shape[1]);
  cases.add_large_form(200, 24, 128, 0);
  cases.add_large_form(60, 24, 64, 2);   // one tile
  cases.add_large_form(100, 24, 64, 2);  // two
  cases.add_large_form(190, 24, 64, 1);  // three, a diagonal a launch
  cases.add_large_form(256, 24, 64, 2);  // four
  cases.add_large_form(300, 24, 64, 2);  // five
  cases.add_large_form(500, 24, 128, 16);
  cases.check();
}

TEST_CASE("an op of a dtype that its kernel does not know") {
  const cuda::OpShape pool{OpCode::max_pool2d,
                           windows({2, 2}, {2, 2}, {0, 0}, false),
                           {type(DType::i32, {1, 1, 4, 4})},
                           type(DType::i32, {1, 1, 2, 2})};
  CHECK_ERROR(cuda::emit_op(pool, "pool"), "[max_pool2d] on cuda: i32 is not a float type");
  const cuda::OpShape lse{OpCode::similarity_lse, {}, {type(DType::bf16, {4, 2}), f32({4, 1})}, f32({4, 1})};
  CHECK_ERROR(cuda::emit_op(lse, "lse"), "[similarity_lse] on cuda: operands must be f32, not bf16[4,2]");
}

}  // namespace weft
