// The emulation itself: barriers, shuffles and shared memory mean what they mean in CUDA.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/backends/cuda/cuda_emulation.h"

namespace weft {
namespace {

using test::Emulation;

constexpr int kThreads = 80, kBlocks = 3;  // two warps and a half

cuda::EmittedKernel written(const std::string& name, const std::string& body, std::size_t shared_bytes = 0) {
  const std::string head = "extern \"C\" __global__ void " + name + "(int* out, void*) {\n";
  const std::string at = "  const int t = threadIdx.x, at = blockIdx.x * blockDim.x + t;\n";
  return {name, head + at + body + "}\n", {{name, kBlocks, kThreads, shared_bytes}}, 0, 1};
}

// Each thread's number, one after the other.
std::vector<int> run(const Emulation& emulation, const cuda::EmittedKernel& each) {
  std::vector<int> out(kThreads * kBlocks, -1);
  CHECK(emulation.run(each, {out.data()}));
  return out;
}

}  // namespace

TEST_CASE("threads of a block wait, shuffle and share memory") {
  const std::vector<cuda::EmittedKernel> kernels = {
      written("plain", "  out[at] = at + gridDim.x;\n"),
      written("reversed",
              "  WEFT_DYNAMIC_SHARED(int, all);\n  all[t] = at;\n  __syncthreads();\n"
              "  out[at] = all[blockDim.x - 1 - t];\n",
              kThreads * sizeof(int)),
      written(
          "passed_on",  // many rounds: a thread that ran ahead would be seen
          "  __shared__ int all[80];\n  all[t] = t;\n"
          "  for (int round = 0; round < 7; ++round) {\n"
          "    __syncthreads();\n    const int next = all[(t + 1) % 80];\n    __syncthreads();\n    all[t] = next;\n"
          "  }\n  out[at] = all[t];\n"),
      written("left_early",
              "  if (t >= 50) return;\n  __shared__ int all[80];\n  all[t] = t;\n  __syncthreads();\n"
              "  out[at] = all[49 - t];\n"),
      written("shuffled",  // the half warp at the end takes no part
              "  if (t >= 64) return;\n"
              "  int sum = t;\n  for (int d = 16; d > 0; d /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, d);\n"
              "  const int first = __shfl_sync(0xffffffffu, t, 0), next = __shfl_down_sync(0xffffffffu, t, 1);\n"
              "  __syncwarp();\n  out[at] = sum * 10000 + first * 100 + next;\n"),
  };
  const Emulation emulation(kernels);
  const std::vector<int> plain = run(emulation, kernels[0]), reversed = run(emulation, kernels[1]),
                         passed_on = run(emulation, kernels[2]), left = run(emulation, kernels[3]),
                         shuffled = run(emulation, kernels[4]);
  for (int b = 0; b < kBlocks; ++b)
    for (int t = 0; t < kThreads; ++t) {
      CAPTURE(b);
      CAPTURE(t);
      const auto at = std::size_t(b * kThreads + t);
      CHECK(plain[at] == int(at) + kBlocks);
      CHECK(reversed[at] == b * kThreads + kThreads - 1 - t);
      CHECK(passed_on[at] == (t + 7) % kThreads);
      CHECK(left[at] == (t < 50 ? 49 - t : -1));
      const int first = t / 32 * 32, sum = 32 * first + 31 * 16, next = t % 32 == 31 ? t : t + 1;
      CHECK(shuffled[at] == (t < 64 ? sum * 10000 + first * 100 + next : -1));
    }
}

}  // namespace weft
