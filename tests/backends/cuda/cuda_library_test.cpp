// What libraries do for the backend cuda: in which precision, with which bias and activation, and in which layout.
#include <doctest/doctest.h>

#include <cmath>

#include "ir/error.h"
#include "ir/memory_layout.h"
#include "passes/expr.h"
#include "passes/pipeline.h"
#include "tests/backends/cuda/cuda_run.h"
#include "tests/support/random_graph.h"

using namespace weft;
using namespace weft::test;
using training::DatasetSplits;

namespace {

// A product and a convolution in each direction.
ir::GraphPtr contractions() {
  using ir::Attr;
  using ir::OpCode;
  ir::Builder builder("contractions");
  const auto input = [&](const char* name, const ir::Dims& dims) {
    return passes::Expr{&builder, builder.input(name, ir::f32(dims))};
  };
  const passes::Expr a = input("a", {32, 64}), b = input("b", {48, 64}), bias = input("bias", {48});
  const passes::Expr x = input("x", {2, 8, 12, 12}), w = input("w", {16, 8, 3, 3}), y = input("y", {2, 16, 12, 12});
  const auto output = [&](const char* name, OpCode code, const std::vector<passes::Expr>& operands, ir::Attrs attrs) {
    builder.output(name, passes::apply(code, operands, attrs).id);
  };
  using Pair = std::vector<std::int64_t>;
  const auto window = [] {
    return ir::Attrs()
        .set(Attr::stride, Pair{1, 1})
        .set(Attr::padding, Pair{1, 1})
        .set(Attr::dilation, Pair{1, 1})
        .set(Attr::groups, std::int64_t{1});
  };
  output("product", OpCode::matmul, {a, b, bias}, ir::Attrs().set(Attr::transpose_b, std::int64_t{1}));
  output("forward", OpCode::conv2d, {x, w}, window());
  output("data", OpCode::conv_transpose2d, {y, w}, window().set(Attr::output_padding, Pair{0, 0}));
  output("weights", OpCode::conv2d_weight_grad, {x, y}, window().set(Attr::kernel, Pair{3, 3}));
  return std::make_shared<const ir::Graph>(builder.take());
}

// Those of a graph, of positive numbers: no sum is small beside what it adds up.
std::vector<Tensor> positive_inputs(const ir::Graph& graph) {
  std::vector<Tensor> inputs = test::random_inputs(graph, 3);
  for (Tensor& each : inputs)
    for (double& number : each.data) number = double(float(std::abs(number) + 0.1));
  return inputs;
}

// Sums of some hundred f32 numbers in an order of one's own; tensor cores cut bits off where they add up.
const double kNear = kGpu == "cuda" ? 5e-6 : 1e-6;

double largest_ratio(const Tensor& result, const Tensor& expected) {
  double largest = 0;
  for (std::size_t i = 0; i < expected.data.size(); ++i)
    largest = std::max(largest, std::abs(result.data[i] / expected.data[i] - 1));
  return largest;
}

// The graph as the pass bf16 leaves it, which the reference interpreter runs as well as any.
ir::GraphPtr narrowed(const ir::GraphPtr& graph) {
  passes::Context context;
  return passes::run_passes(graph, {"fold", "simplify", "cse", "dce", "bf16"}, context);
}

}  // namespace

// Rounding to n bits behind the leading one moves each operand by 2^-(n+1) of it at most, and so a sum of products of
// positive numbers by 2^-n.
TEST_CASE("tf32 rounds the operands of products and convolutions, and nothing more") {
  const ir::GraphPtr graph = contractions();
  const std::vector<Tensor> inputs = positive_inputs(*graph);
  const auto exact = run_on("reference", graph, inputs), f32 = run_on(kGpu, graph, inputs),
             tf32 = run_on(kGpu, graph, inputs, Precision::tf32);
  for (std::size_t i = 0; i < exact.size(); ++i) {
    CAPTURE(graph->outputs[i].name);
    CHECK(largest_ratio(f32[i], exact[i]) < kNear);
    CHECK(largest_ratio(tf32[i], exact[i]) > 1e-5);
    CHECK(largest_ratio(tf32[i], exact[i]) < std::ldexp(1.01, kGpu == "cuda" ? -9 : -10));  // a GPU may cut bits off
  }
  CHECK_THROWS_WITH_AS(run_on("reference", graph, inputs, Precision::tf32),
                       doctest::Contains("the backend 'reference' does not support tf32"), Error);
}

// Convolutions round their result as well: by 2^-8 of it at most.
TEST_CASE("bf16 rounds the operands of products and convolutions, and results of these") {
  const ir::GraphPtr graph = contractions();
  const std::vector<Tensor> inputs = positive_inputs(*graph);
  const auto exact = run_on("reference", graph, inputs), rounded = run_on("reference", narrowed(graph), inputs),
             bf16 = run_on(kGpu, graph, inputs, Precision::bf16);
  for (std::size_t i = 0; i < exact.size(); ++i) {
    CAPTURE(graph->outputs[i].name);
    const bool is_product = graph->outputs[i].name == "product";
    CHECK(largest_ratio(bf16[i], exact[i]) > 1e-4);
    CHECK(largest_ratio(bf16[i], exact[i]) < (is_product ? std::ldexp(1.01, -7) : std::ldexp(1.51, -7)));
    CHECK(largest_ratio(bf16[i], rounded[i]) < (is_product ? kNear : std::ldexp(1.0, -7)));
    std::size_t others = 0;  // rounded the other way, for their sums lie on either side of the middle
    for (std::size_t j = 0; j < rounded[i].data.size(); ++j) others += bf16[i].data[j] != rounded[i].data[j];
    if (!is_product) CHECK(double(others) < 0.002 * double(rounded[i].data.size()));
  }
}

TEST_CASE("random graphs in bf16 equal the reference's of rounded operands") {
  for (unsigned seed = 0; seed < 6; ++seed) {
    CAPTURE(seed);
    const ir::GraphPtr graph = test::random_graph(seed);
    const auto inputs = test::random_inputs(*graph, seed + 1);
    const auto expected = reference::run<double>(*narrowed(graph), inputs);
    // A sum on either side of the middle rounds either way, and what is computed from it moves by 2^-8 of it.
    CHECK(test::largest_difference(run_on(kGpu, graph, inputs, Precision::bf16), expected) < 2e-2);
  }
}

TEST_CASE("training in bf16 stays near that in f32, and a checkpoint of one is one of the other") {
  const DatasetSplits data = few_digits();
  for (const char* name : {"vae", "conv_vae", "rotnet", "simclr"}) {
    CAPTURE(name);
    const Model& model = models::find(name);
    SessionOptions options;
    options.backend = kGpu;
    options.batch = kBatch;
    options.precision = Precision::bf16;
    Session bf16(module_of(model), options), reference = session_of(model, "reference");
    double worst = 0;
    for (int step = 0; step < 2; ++step) {
      for (Session* each : {&bf16, &reference}) each->step(data.train, batch_of(step));
      const auto values = bf16.read_metrics(), expected = reference.read_metrics();
      for (std::size_t i = 0; i < expected.size(); ++i)
        worst = std::max(worst, double(std::abs(values[i] - expected[i])) / (1 + std::abs(expected[i])));
    }
    MESSAGE(name << ": metrics differ by " << worst << " at most");
    CHECK(worst > 1e-7);
    CHECK(worst < 0.03);
    Session restored = session_of(model, kGpu);
    restored.restore(bf16.save(), "memory");
    CHECK(restored.save().tensors == bf16.save().tensors);
  }
}

TEST_CASE("convolutions add a bias and apply relu by themselves") {
  ir::Builder builder("epilogues");
  const auto input = [&](const char* name, const ir::Dims& dims) {
    return passes::Expr{&builder, builder.input(name, ir::f32(dims))};
  };
  const passes::Expr x = input("x", {2, 3, 7, 5}), w = input("w", {4, 3, 3, 3}), bias = input("bias", {4, 1, 1});
  const passes::Expr y = passes::apply(ir::OpCode::conv2d, {x, w});
  builder.output("biased", (y + bias).id);
  builder.output("rectified", passes::relu(passes::apply(ir::OpCode::conv2d, {x, w * 2.0}) + bias).id);
  builder.output("bare", passes::relu(passes::apply(ir::OpCode::conv2d, {x, w * 3.0})).id);
  const ir::GraphPtr graph = std::make_shared<const ir::Graph>(builder.take());
  const auto inputs = test::random_inputs(*graph, 5);
  CHECK(test::largest_difference(run_on(kGpu, graph, inputs), run_on("reference", graph, inputs)) < 1e-5);

  CompileOptions options;
  options.backend = kGpu;
  int biased = 0, rectified = 0;
  const ir::GraphPtr made = lowered(graph, options);
  for (const ir::Op& op : made->ops) {
    if (op.code != ir::OpCode::conv2d) continue;
    biased += op.operands.size() == 3;
    rectified += op.attrs.text(ir::Attr::activation) == "relu";
  }
  CHECK(biased == 2);
  CHECK(rectified == 2);
}

// So that no step brings a kernel into another order, or a gradient.
TEST_CASE("a training keeps kernels of convolutions channels-last, in f32 and in bf16") {
  const DatasetSplits data = few_digits();
  for (const Precision precision : {Precision::f32, Precision::bf16}) {
    SessionOptions options;
    options.backend = kGpu;
    options.batch = kBatch;
    options.precision = precision;
    Session session(module_of(models::find("conv_vae")), options);
    int kernels = 0, kept = 0;
    for (const runtime::Port& port : session.training_program(data.train, kBatch).inputs())
      for (const ir::Slot& slot : port.slots) {
        kernels += slot.type.rank() == 4;
        kept += slot.layout == "ohwi";
      }
    CHECK(kernels > 8);  // with their moments
    CHECK(kept == kernels);
  }
}

TEST_CASE("kernels that lie channels-last are read so by convolutions, and by others from a row-major copy") {
  ir::Builder builder("kept");
  const passes::Expr x{&builder, builder.input("x", ir::f32({2, 3, 6, 6}))};
  const passes::Expr w{&builder, builder.input("w", ir::f32({4, 3, 3, 3}), ir::Role::param)};
  const passes::Expr v{&builder, builder.input("v", ir::f32({4, 3, 3, 3}), ir::Role::param)};
  builder.output("alone", passes::apply(ir::OpCode::conv2d, {x, w}).id);
  builder.output("shared", passes::apply(ir::OpCode::conv2d, {x, v}).id);
  builder.output("twice", (v * 2.0).id);
  const ir::GraphPtr graph = std::make_shared<const ir::Graph>(builder.take());
  std::vector<Tensor> inputs = test::random_inputs(*graph, 4);
  const auto expected = run_on("reference", graph, inputs);
  const auto layout = *ir::parse_memory_layout("ohwi");
  const std::vector<std::size_t> offsets = ir::memory_offsets(layout, {4, 3, 3, 3});
  for (const std::size_t i : {1, 2}) {
    const std::vector<double> row_major = inputs[i].data;
    for (std::size_t j = 0; j < offsets.size(); ++j) inputs[i].data[offsets[j]] = row_major[j];
  }
  CompileOptions options;
  options.layouts = {{"w", "ohwi"}, {"v", "ohwi"}};
  CHECK(test::largest_difference(run(options, kGpu, graph, inputs), expected) < 1e-5);
}
