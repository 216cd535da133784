// Convolutions of the model zoo on one thread, by generated kernels and by oneDNN, as a share of the FMA peak:
//   bench_convolutions [cpu]   (generated for another cpu by name; ONEDNN_MAX_CPU_ISA=AVX2 limits the library)
// The work counted is that of the direct algorithm, also where Winograd's does less. Each figure is the least time of
// many short runs, by the thread's own clock, since other programs may use the machine.
#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>

#include "backends/cpu/im2col.h"
#include "backends/cpu/onednn/onednn.h"
#include "backends/cpu/program/jit.h"
#include "backends/cpu/program/thunk.h"
#include "backends/cpu/threads/memory.h"
#include "backends/cpu/winograd.h"
#include "bench/thread_time.h"

namespace weft::bench {
namespace {

constexpr int kChains = 12, kSteps = 20000;

#define CHAINS(name, features, bytes)                               \
  __attribute__((target(features))) void name() {                   \
    using Vector = float __attribute__((vector_size(bytes)));       \
    Vector sums[kChains] = {};                                      \
    const Vector scale = Vector{} + .999f, step = Vector{} + .001f; \
    for (int i = 0; i < kSteps; ++i) {                              \
      _Pragma("GCC unroll 12") for (int j = 0; j < kChains; ++j) {  \
        sums[j] = sums[j] * scale + step;                           \
        asm volatile("" : "+v"(sums[j]));                           \
      }                                                             \
    }                                                               \
  }
CHAINS(chains_of_512, "avx512f,fma", 64)
CHAINS(chains_of_256, "avx2,fma", 32)

double peak(bool wide) {
  return 2e-9 * (wide ? 16 : 8) * kChains * kSteps / least_seconds(.05, wide ? chains_of_512 : chains_of_256);
}

struct Shape {
  const char* name;
  std::int64_t images, size, in, out, kernel, stride;
};

constexpr Shape kShapes[] = {{"64 to 64", 32, 32, 64, 64, 3, 1},      {"32 to 64", 128, 14, 32, 64, 3, 1},
                             {"rotnet 1", 128, 32, 3, 32, 3, 1},      {"rotnet 2", 128, 16, 32, 64, 3, 1},
                             {"rotnet 3", 128, 8, 64, 128, 3, 1},     {"rotnet 4", 128, 4, 128, 256, 3, 1},
                             {"autoencoder 1", 128, 28, 1, 32, 3, 2}, {"autoencoder 2", 128, 14, 32, 64, 3, 2},
                             {"resnet 256", 64, 8, 256, 256, 3, 1},   {"resnet 512", 64, 4, 512, 512, 3, 1}};

weft_convolution_step step_of(const Shape& s, weft_direction direction, const char* layout) {
  const std::int64_t after = (s.size - 1) / s.stride + 1;
  weft_convolution_step step{};
  step.direction = direction;
  const std::int64_t x[] = {s.images, s.in, s.size, s.size}, w[] = {s.out, s.in, s.kernel, s.kernel},
                     y[] = {s.images, s.out, after, after};
  std::copy_n(x, 4, step.x);
  std::copy_n(w, 4, step.w);
  std::copy_n(y, 4, step.y);
  for (int i = 0; i < 2; ++i) {
    step.stride[i] = s.stride;
    step.padding[i] = s.kernel / 2;
    step.dilation[i] = 1;
  }
  step.groups = 1;
  step.channels_last = 1;
  step.winograd = 1;
  step.weights_layout = layout;
  step.activation = "";
  return step;
}

struct Numbers {
  explicit Numbers(const std::int64_t (&dims)[4])
      : memory(sizeof(float) * std::size_t(dims[0] * dims[1] * dims[2] * dims[3])) {
    auto* values = reinterpret_cast<float*>(memory.data());
    for (std::int64_t i = 0; i < dims[0] * dims[1] * dims[2] * dims[3]; ++i) values[i] = float(i % 17) / 8 - 1;
  }
  cpu::HugeMemory memory;
};

// One convolution: its operands, and the thunks that compute it.
class Runs {
 public:
  Runs(const Shape& shape, weft_direction direction, const std::string& cpu)
      : step_(step_of(shape, direction, "")), x_(step_.x), w_(step_.w), y_(step_.y), jit_(cpu) {
    void *x = x_.memory.data(), *w = w_.memory.data(), *y = y_.memory.data();
    buffers_ = direction == WEFT_FORWARD     ? std::vector<void*>{x, w, y}
               : direction == WEFT_BACK_TO_X ? std::vector<void*>{y, w, x}
                                             : std::vector<void*>{x, y, w};
    work_ = 2e-9 * double(shape.out * shape.in * shape.kernel * shape.kernel) *
            double(step_.y[0] * step_.y[2] * step_.y[3]);
  }

  double im2col() {
    weft_im2col_step columns = cpu::columns_of(step_);
    const int kernel = jit_.add(cpu::matmul_of(columns, "", "product"));
    jit_.compile();
    columns.matmul = &jit_.kernel(kernel);
    cpu::Im2colThunk thunk(columns, 1);
    return rate(thunk);
  }

  double winograd() {
    if (!cpu::suits_winograd(step_)) return 0;
    if (step_.direction == WEFT_BACK_TO_W) {
      const int kernel = jit_.add(cpu::winograd_of(step_, cpu::WinogradPart::weights, "weights"));
      jit_.compile();
      cpu::KernelThunk thunk(jit_.kernel(kernel), 1, {});
      return rate(thunk);
    }
    const int transform = jit_.add(cpu::winograd_of(step_, cpu::WinogradPart::kernels, "kernels"));
    const int result = jit_.add(cpu::winograd_of(step_, cpu::WinogradPart::result, "result"));
    jit_.compile();
    const weft_winograd_step both{0, cpu::aligned(cpu::winograd_kernels_bytes(step_)), &jit_.kernel(transform),
                                  &jit_.kernel(result)};
    cpu::WinogradThunk thunk(both, 1);
    return rate(thunk);
  }

  // In the layout of weights that a session gives it.
  double library(std::string& implementation) {
    const std::string layout = cpu::preferred_weights_layout(step_);
    step_.weights_layout = layout.c_str();
    cpu::PrimitiveThunk thunk(cpu::make_convolution(step_, 1));
    implementation = thunk.kind();
    const double result = rate(thunk);
    step_.weights_layout = "";
    return result;
  }

 private:
  double rate(runtime::Thunk& thunk) {
    const cpu::HugeMemory scratch(std::max<std::size_t>(thunk.scratch_bytes(), 64));
    thunk.bind(buffers_, scratch.data());
    return work_ / least_seconds(.25, [&] { thunk.run(); });
  }

  weft_convolution_step step_;
  Numbers x_, w_, y_;
  cpu::Jit jit_;
  std::vector<void*> buffers_;
  double work_ = 0;
};

void run(const std::string& cpu) {
  const bool wide = cpu::find_target(cpu).avx512;
  fmt::print("FMA peak {:.1f} GFLOP/s; times the peak, by the work of the direct algorithm\n", peak(wide));
  for (const Shape& shape : kShapes)
    for (const weft_direction direction : {WEFT_FORWARD, WEFT_BACK_TO_X, WEFT_BACK_TO_W}) {
      constexpr const char* kNames[] = {"forward", "data", "weights"};
      Runs runs(shape, direction, cpu);
      const double limit = peak(wide);
      std::string implementation;
      const double columns = runs.im2col() / limit, winograd = runs.winograd() / limit,
                   library = runs.library(implementation) / limit;
      fmt::print("{:14} {:3} images {:2}x{:<2} {:3} to {:3} {:8} im2col {:4.2f}  winograd {:4.2f}  oneDNN {:4.2f} {}\n",
                 shape.name, shape.images, shape.size, shape.size, shape.in, shape.out, kNames[int(direction)], columns,
                 winograd, library, implementation);
    }
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) { weft::bench::run(argc > 1 ? argv[1] : "native"); }
