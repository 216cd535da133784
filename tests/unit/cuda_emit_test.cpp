// Generated CUDA kernels of fused bodies against the reference interpreter.
#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "backends/cuda/emit.h"
#include "backends/reference/reference.h"
#include "bench/vae_kernels.h"
#include "ir/builder.h"
#include "ir/error.h"
#include "tests/unit/cuda_check.h"
#include "tests/unit/random_body.h"

namespace weft {
namespace {

using namespace test;
using reference::Tensor;

// Bodies that break lower's contract are left out.
void add_random_bodies(CudaCorpus& corpus, unsigned seed, std::size_t count, bool with_row, bool with_final) {
  std::mt19937 random(seed);
  for (const std::size_t end = corpus.size() + count; corpus.size() < end;) {
    const ir::Graph body = random_body(random, with_row, with_final);
    if (body.outputs.empty()) continue;
    const Layouts layouts = random() % 3 == 0 ? Layouts() : random_layouts(random, body);
    const std::vector<Tensor> inputs = random_inputs(random, body);
    try {
      corpus.add(body, inputs, layouts);
    } catch (const InternalError& error) {
      CAPTURE(error.what());
      CHECK(breaks_contract(error.what()));
    }
  }
}

}  // namespace

TEST_CASE("random bodies") {
  CudaCorpus corpus;
  add_random_bodies(corpus, 11, 48, false, false);
  add_random_bodies(corpus, 12, 48, false, true);
  add_random_bodies(corpus, 13, 48, true, false);
  add_random_bodies(corpus, 14, 48, true, true);
  corpus.check();
}

TEST_CASE("the kernels of a VAE, in place where a step has them so") {
  std::mt19937 random(6);
  CudaCorpus corpus;
  for (const std::int64_t batch : {1, 7, 100})
    for (const bench::VaeKernel& each : bench::VaeKernels(batch, 784, 400, 20, 652 * batch + 5).all()) {
      std::vector<Tensor> inputs = random_inputs(random, each.body);
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        const std::string& name = each.body.input_name(std::uint32_t(i));
        for (double& value : inputs[i].data) {
          if (name == "indices") value = std::int64_t(value) % 1000;
          if (name == "v") value = std::abs(value);
          if (name == "step") value = 3;
        }
      }
      corpus.add(each.body, inputs, {{}, {}, each.in_place});
    }
  corpus.check();
}

}  // namespace weft
