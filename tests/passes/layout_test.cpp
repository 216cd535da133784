// Convolutional nets through the cpu backend: nothing but layout-free kernels between convolutions, equal to the
// reference, and batch normalisation in one pass that keeps its digits.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backends/compile.h"
#include "backends/reference/reference.h"
#include "frontend/weft.h"
#include "passes/passes.h"
#include "passes/pipeline.h"
#include "tests/support/evaluate.h"
#include "tests/support/random_graph.h"

using namespace weft;
using Array = reference::Tensor;

namespace {

ir::GraphPtr gradients_of(const std::function<Tensor(Tensor)>& net, const Dims& dims) {
  const ir::Graph entry = test::graph_of(Mode::train, [&](Entry& e) {
    const Tensor y = net(e.input("x", dims));
    e.output("loss", sum(square(y)));
  });
  passes::Context context;
  return passes::run_passes(std::make_shared<const ir::Graph>(entry), passes::gradient_pipeline(), context);
}

std::vector<Array> run_on_cpu(const ir::GraphPtr& graph, const std::vector<Array>& inputs, int threads) {
  CompileOptions options;
  options.threads = threads;
  const auto program = compile(graph, options);
  for (std::size_t i = 0; i < inputs.size(); ++i) reference::to_bytes(inputs[i], program->input(int(i)));
  program->run();
  std::vector<Array> outputs;
  for (std::size_t i = 0; i < program->outputs().size(); ++i)
    outputs.push_back(reference::from_bytes(program->outputs()[i].type, program->output(int(i))));
  return outputs;
}

int count(const ir::Graph& graph, ir::OpCode code) {
  return int(std::count_if(graph.ops.begin(), graph.ops.end(), [&](const ir::Op& op) { return op.code == code; }));
}

// Kernels that pass over images, and not over a number a channel.
int count_large_kernels(const ir::Graph& graph) {
  const auto is_large = [&](ir::ValueId value) { return graph.type(value).elements() >= 4096; };
  return int(std::count_if(graph.ops.begin(), graph.ops.end(), [&](const ir::Op& op) {
    return op.code == ir::OpCode::fused && std::any_of(op.operands.begin(), op.operands.end(), is_large);
  }));
}

Tensor block(const Tensor& x, const std::string& name, std::int64_t in, std::int64_t out) {
  Weights weights;
  weights.bias = false;
  const Tensor y = Conv2d(name + ".conv", in, out, 3, {.padding = 1}, weights)(x);
  return relu(BatchNorm(name + ".bn", out)(y));
}

}  // namespace

TEST_CASE("convolution, batch norm, relu, max-pool: equal to the reference, with the same bits for 1 and 2 threads") {
  struct Case {
    std::function<Tensor(Tensor)> net;
    Dims dims;
  };
  const std::vector<Case> cases = {
      {[](const Tensor& x) { return max_pool2d(block(max_pool2d(block(x, "a", 3, 7), 2), "b", 7, 20), 2); },
       {5, 3, 12, 8}},
      {[](const Tensor& x) {
         return mean(max_pool2d(block(x, "a", 1, 33), {2, 3}), {2, 3});
       },
       {3, 1, 8, 9}},
      {[](const Tensor& x) { return avg_pool2d(block(x, "a", 2, 18), 2); }, {3, 2, 6, 6}},
      {[](const Tensor& x) { return max_pool2d(block(x, "a", 2, 5), 3, {.stride = 2, .padding = 1}); }, {2, 2, 7, 7}},
      {[](const Tensor& x) { return max_pool2d(block(x, "a", 2, 5), 2); }, {2, 2, 7, 7}},
      {[](const Tensor& x) {
         const Tensor y = block(x, "a", 4, 4);
         return relu(block(y, "b", 4, 4) + y);
       },
       {3, 4, 6, 6}},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    CAPTURE(i);
    const ir::GraphPtr graph = gradients_of(cases[i].net, cases[i].dims);
    const auto inputs = test::random_inputs(*graph, unsigned(i));
    const auto expected = reference::run<double>(*graph, inputs);
    CHECK(test::largest_difference(reference::run<double>(*lowered(graph, {}), inputs), expected) < 1e-6);
    const auto one = run_on_cpu(graph, inputs, 1), two = run_on_cpu(graph, inputs, 2);
    CHECK(test::largest_difference(one, expected) < 1e-3);
    for (std::size_t k = 0; k < one.size(); ++k)
      CHECK(std::memcmp(one[k].data.data(), two[k].data.data(), one[k].data.size() * sizeof(double)) == 0);
  }
}

TEST_CASE("a block of convolution, batch norm, relu and max-pool is four kernels beside its convolutions") {
  const auto net = [](int blocks) {
    return gradients_of(
        [blocks](Tensor x) {
          for (int i = 0; i < blocks; ++i)
            x = max_pool2d(block(x, "b" + std::to_string(i), i == 0 ? 1 : 8 << i, 16 << i), 2);
          return x;
        },
        {4, 1, 32, 32});
  };
  const auto lowered_net = [&](int blocks) { return lowered(net(blocks), {}); };
  const ir::GraphPtr two = lowered_net(2), three = lowered_net(3);
  CHECK(count_large_kernels(*three) - count_large_kernels(*two) == 4);
  CHECK(count(*three, ir::OpCode::transpose) == count(*two, ir::OpCode::transpose));
  CHECK(count(*three, ir::OpCode::max_pool2d) == 0);
}

TEST_CASE("batch norm keeps its digits where the mean is large, and gives the bias for constant data") {
  const auto normalised = [](const test::Numbers& x) {
    const ir::Graph graph = test::graph_of(Mode::train, [&](Entry& entry) {
      entry.output("y", BatchNorm("bn", 1)(entry.input("x", {std::int64_t(x.size()), 1})));
    });
    std::vector<Array> inputs;
    for (const ir::Input& input : graph.inputs) {
      const ir::Type& type = graph.type(input.value);
      inputs.push_back(graph.values[input.value].name == "x" ? Array{type, x} : reference::filled(type, input.init.a));
    }
    return run_on_cpu(std::make_shared<const ir::Graph>(graph), inputs, 1)[0].data;
  };
  test::Numbers x;
  for (int i = 0; i < 1000; ++i) x.push_back(1e4 + std::sqrt(3.0) * std::round(1024 * std::sin(i * 1.7)) / 1024);
  for (double& each : x) each = double(float(each));
  double mean = 0, variance = 0;
  for (const double each : x) mean += each / double(x.size());
  for (const double each : x) variance += (each - mean) * (each - mean) / double(x.size());
  const test::Numbers y = normalised(x);
  for (std::size_t i = 0; i < x.size(); ++i)
    CHECK(y[i] == doctest::Approx((x[i] - mean) / std::sqrt(variance + 1e-5)).epsilon(2e-3));
  for (const double each : normalised(test::Numbers(100, 1234.567))) CHECK(std::abs(each) < 1e-4);
}
