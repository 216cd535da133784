// Augmentations on the cpu backend: what a data set's bytes go through becomes a few kernels, equal to the reference.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "backends/compile.h"
#include "backends/reference/reference.h"
#include "ir/text/print.h"
#include "passes/passes.h"
#include "tests/support/evaluate.h"
#include "tests/support/random_graph.h"

using namespace weft;
using test::graph_of;

namespace {

using Augment = std::function<Tensor(Tensor)>;

// From bytes and indices, as a data set feeds a step.
ir::GraphPtr fed(const Dims& picture, std::int64_t batch, const Augment& augment) {
  return std::make_shared<const ir::Graph>(graph_of(Mode::train, [&](Entry& entry) {
    Dims dims = picture;
    dims.insert(dims.begin(), 20);
    const Tensor images = entry.input("images", dims, DType::u8);
    const Tensor indices = entry.input("indices", {batch}, DType::i32);
    entry.output("y", augment(cast(gather(images, indices), DType::f32) * (1.0 / 255)));
  }));
}

int count(const ir::Graph& graph, ir::OpCode code) {
  return int(std::count_if(graph.ops.begin(), graph.ops.end(), [&](const ir::Op& op) { return op.code == code; }));
}

// Compares with the reference on the graph as it was written. Returns the number of kernels.
int check_on_cpu(const Dims& picture, const Augment& augment) {
  const ir::GraphPtr graph = fed(picture, 6, augment);
  CompileOptions options;
  options.threads = 2;
  CompileReport report;
  const ir::GraphPtr lowered_graph = lowered(graph, options);
  CAPTURE(ir::print(*lowered_graph));
  CHECK(count(*lowered_graph, ir::OpCode::affine_sample) == 0);
  CHECK(count(*lowered_graph, ir::OpCode::gather) == 0);
  const auto program = compile(graph, options, &report);
  for (const auto& item : program->profile(1)) {
    CAPTURE(item.name);
    CHECK(item.kind != "reference");
  }
  std::vector<reference::Tensor> inputs = test::random_inputs(*graph, 5);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (graph->input_name(std::uint32_t(i)) == "images")
      for (std::size_t j = 0; j < inputs[i].data.size(); ++j) inputs[i].data[j] = double(j * 7919 % 256);
    if (graph->input_name(std::uint32_t(i)) == "indices") inputs[i].data = {19, 0, 3, 3, 7, 12};
    reference::to_bytes(inputs[i], program->input(int(i)));
  }
  program->run();
  const reference::Tensor got = reference::from_bytes(program->outputs()[0].type, program->output(0));
  const std::vector<reference::Tensor> want = reference::run<float>(*graph, inputs);
  CHECK(test::largest_difference({got}, want) < 2e-4);
  return report.kernels;
}

Tensor every_kind(const Tensor& x) {
  const Tensor view = Affine(x).crop().flip().vary({.degrees = 15, .shear_x_degrees = 5}).sample(x);
  const Tensor coloured =
      colour_jitter(view, {.brightness = 0.4, .contrast = 0.4, .saturation = 0.4, .hue = 0.1, .probability = 0.8});
  return normalise_channels(random_grayscale(coloured, 0.2), {0.5, 0.4, 0.3}, {0.2, 0.3, 0.25});
}

}  // namespace

TEST_CASE("the views of a contrastive step: sampled from bytes in one kernel, coloured in the next") {
  const int kernels = check_on_cpu({3, 16, 16}, every_kind);
  CHECK(kernels <= 4);  // theta, the sample, the colours; the channels' normalisation reads all three planes
}

TEST_CASE("two views of one batch read the bytes each") {
  const auto both = [](const Tensor& x) { return concat({every_kind(x), every_kind(x)}, 0); };
  CHECK(check_on_cpu({3, 8, 8}, both) <= 8);
}

TEST_CASE("all four turns of a batch are one kernel from the bytes") {
  CHECK(check_on_cpu({3, 7, 7}, [](const Tensor& x) { return rotation_batch(x).images; }) <= 3);
}

TEST_CASE("odd sizes, single channels and noise") {
  CHECK(check_on_cpu({1, 5, 9}, [](const Tensor& x) { return random_affine(x, {.degrees = 90}); }) <= 2);
  check_on_cpu({1, 5, 9}, [](const Tensor& x) { return random_affine(x + 0.1 * random_uniform(x.dims()), {}); });
  check_on_cpu({3, 9, 11}, [](const Tensor& x) { return gaussian_blur(x, {.size = 5, .probability = 0.5}); });
  check_on_cpu({3, 9, 11}, [](const Tensor& x) { return cutout(salt_and_pepper(x, 0.2), 4); });
  check_on_cpu({3, 9, 9}, [](const Tensor& x) { return random_flip(random_resized_crop(x)); });
}
