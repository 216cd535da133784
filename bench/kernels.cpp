// Speed of generated kernels: the kernels of a VAE step on 1 and 2 threads, compared with a copy of as many bytes.
//   bench_kernels [batch] [--text]   (--text: also the kernel, its LLVM IR and assembly)
//   bench_kernels --products [cpu]   (generated matmuls and oneDNN's, on one thread; for another cpu by name)
// Google Benchmark runs them and accepts its own flags: --benchmark_filter=bce, --benchmark_out=kernels.json. The
// column Time is the mean over runs; the columns after Iterations come from the fastest run.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>
#include <string>

#include "backends/cpu/codegen/products/matmul_plan.h"
#include "backends/cpu/onednn/onednn.h"
#include "backends/cpu/program/jit.h"
#include "bench/vae_kernels.h"
#include "ir/error.h"
#include "ir/kernel/lower.h"
#include "ir/kernel/text/print.h"

namespace weft::bench {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::time_point from) {
  return std::chrono::duration<double, std::milli>(Clock::now() - from).count();
}

class Memory {
 public:
  explicit Memory(std::size_t bytes) : bytes_((bytes / 64 + 1) * 64), data_(std::aligned_alloc(64, bytes_)) {}
  Memory(Memory&& other) noexcept : bytes_(other.bytes_), data_(std::exchange(other.data_, nullptr)) {}
  Memory& operator=(Memory&&) = delete;
  ~Memory() { std::free(data_); }
  void* data() const { return data_; }

 private:
  std::size_t bytes_;
  void* data_;
};

// Small positive numbers of each dtype; indices stay within every table.
void fill(void* memory, const ir::Type& type) {
  const std::int64_t count = type.elements();
  for (std::int64_t i = 0; i < count; ++i) {
    const double value = double((i * 7919) % 1000);
    if (type.dtype == ir::DType::f32) static_cast<float*>(memory)[i] = float(value / 1000);
    if (type.dtype == ir::DType::i32) static_cast<std::int32_t*>(memory)[i] = std::int32_t(value);
    if (type.dtype == ir::DType::u8) static_cast<std::uint8_t*>(memory)[i] = std::uint8_t(value / 4);
  }
}

// Executes all runs of a benchmark; returns the time of the fastest in seconds.
template <typename Run>
double fastest(benchmark::State& state, Run run) {
  double best = std::numeric_limits<double>::infinity();
  for ([[maybe_unused]] auto _ : state) {
    const auto start = Clock::now();
    run();
    const double seconds = milliseconds(start) / 1e3;
    state.SetIterationTime(seconds);
    best = std::min(best, seconds);
  }
  return best;
}

template <typename Function>
void add_benchmark(const std::string& name, Function function) {
  benchmark::RegisterBenchmark(name.c_str(), std::move(function))->UseManualTime()->Unit(benchmark::kMicrosecond);
}

// Minimum traffic of the kernel: each input and output once; of a gathered table only the elements read.
double bytes_moved(const VaeKernel& kernel) {
  double bytes = 0;
  for (const ir::Output& output : kernel.body.outputs) bytes += double(kernel.body.type(output.value).bytes());
  for (const ir::Input& input : kernel.body.inputs) {
    const ir::Type& type = kernel.body.type(input.value);
    bytes += type.dtype == ir::DType::u8 ? double(kernel.body.type(kernel.body.outputs[0].value).elements())
                                         : double(type.bytes());
  }
  return bytes;
}

// Memory for a kernel's inputs and outputs.
struct Operands {
  explicit Operands(const VaeKernel& kernel) {
    for (const ir::Input& input : kernel.body.inputs) {
      memories.emplace_back(kernel.body.type(input.value).bytes());
      fill(memories.back().data(), kernel.body.type(input.value));
      buffers.push_back(memories.back().data());
    }
    for (const ir::Output& output : kernel.body.outputs) {
      memories.emplace_back(kernel.body.type(output.value).bytes());
      buffers.push_back(memories.back().data());
    }
    for (const auto& [output, input] : kernel.in_place)
      buffers[kernel.body.inputs.size() + std::size_t(output)] = buffers[std::size_t(input)];
  }

  std::vector<Memory> memories;
  std::vector<void*> buffers;
};

// GB/s of the fastest of several copies that move this many bytes.
double copy_speed(double bytes) {
  std::vector<char> from(std::size_t(bytes / 2)), to(from.size(), 1);
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 200; ++i) {
    const auto start = Clock::now();
    std::memcpy(to.data(), from.data(), from.size());
    benchmark::ClobberMemory();
    best = std::min(best, milliseconds(start) / 1e3);
  }
  return bytes / best / 1e9;
}

// The kernel on one and two threads. `kernel` and `compiled` must outlive the benchmarks.
void add_kernel(const VaeKernel& kernel, const weft_kernel& compiled) {
  const double bytes = bytes_moved(kernel);
  for (const int threads : {1, 2})
    add_benchmark(fmt::format("{}/threads:{}", kernel.name, threads), [&, bytes, threads](benchmark::State& state) {
      Operands operands(kernel);
      const Memory scratch(compiled.scratch_bytes);
      const double points = double(kernel.body.type(kernel.body.outputs[0].value).elements());
      const double seconds =
          fastest(state, [&] { cpu::run_kernel(compiled, operands.buffers.data(), scratch.data(), threads); });
      state.counters["us"] = seconds * 1e6;
      state.counters["ns/element"] = seconds * 1e9 / points;
      state.counters["GB/s"] = bytes / seconds / 1e9;
      state.counters["copy_GB/s"] = copy_speed(bytes);
      state.counters["elements"] = points;
      state.counters["chunks"] = double(compiled.chunks);
      state.counters["estimate_us"] = compiled.work_ns / 1e3;
    });
}

// Prints a table with one column per counter.
void run_benchmarks() {
  benchmark::ConsoleReporter reporter(benchmark::ConsoleReporter::OO_Tabular);
  benchmark::RunSpecifiedBenchmarks(&reporter);
}

// Processor time, which excludes other programs on the machine.
double cpu_milliseconds() { return double(std::clock()) * 1e3 / CLOCKS_PER_SEC; }

void measure_compilation(const kernel::Kernel& kernel, const cpu::MachineTarget& target) {
  double best[3] = {1e9, 1e9, 1e9};
  for (int i = 0; i < 5; ++i) {
    const double start = cpu_milliseconds();
    cpu::EmittedModule module({&kernel}, target);
    const double emitted = cpu_milliseconds();
    module.optimise();
    const double optimised = cpu_milliseconds();
    module.object(false);
    const double steps[3] = {emitted - start, optimised - emitted, cpu_milliseconds() - optimised};
    for (int k = 0; k < 3; ++k) best[k] = std::min(best[k], steps[k]);
  }
  fmt::print("  {:16} emit {:5.2f} ms, optimise {:5.2f} ms, machine code {:5.2f} ms\n", kernel.name, best[0], best[1],
             best[2]);
}

int run(std::int64_t batch, bool text) {
  const std::vector<VaeKernel> kernels = VaeKernels(batch).all();
  const auto start = Clock::now();
  cpu::Jit jit;
  const double started = milliseconds(start);
  std::vector<kernel::Kernel> lowered;
  for (const VaeKernel& each : kernels)
    lowered.push_back(kernel::lower(each.body, std::vector<kernel::Strides>(each.body.inputs.size()),
                                    std::vector<kernel::Strides>(each.body.outputs.size()), each.name));
  for (const kernel::Kernel& each : lowered) jit.add(each);
  jit.compile();
  const double compiled = milliseconds(start);
  fmt::print("{} {}: {} kernels in {:.1f} ms, including {:.1f} ms to detect the target\n", jit.target().cpu,
             jit.target().vector_width, kernels.size(), compiled, started);
  for (const kernel::Kernel& each : lowered) measure_compilation(each, jit.target());
  for (std::size_t i = 0; i < kernels.size(); ++i) add_kernel(kernels[i], jit.kernel(int(i)));
  run_benchmarks();
  if (text)
    for (const kernel::Kernel& each : lowered)
      fmt::print("{}\n{}\n{}\n", kernel::print(each), cpu::llvm_text(each), cpu::assembly_text(each));
  return 0;
}

cpu::Matrix dense(std::int64_t rows, std::int64_t columns) { return {rows, columns, columns, 1}; }
cpu::Matrix turned(std::int64_t rows, std::int64_t columns) { return {rows, columns, 1, rows}; }

// Matmuls of the VAE, forward and backward; a decoder with tied weights; square matrices.
std::vector<cpu::Matmul> products() {
  std::vector<cpu::Matmul> all;
  const auto add = [&](const char* name, const cpu::Matrix& a, const cpu::Matrix& b, bool bias,
                       const char* activation) {
    all.push_back({fmt::format("{}_{}", name, all.size()), a, b, dense(a.rows, b.columns), bias, activation});
  };
  for (const std::int64_t batch : {1, 64}) {
    add("encoder", dense(batch, 784), dense(784, 400), true, "relu");
    add("heads", dense(batch, 400), dense(400, 40), true, "");
    add("decoder", dense(batch, 20), dense(20, 400), true, "relu");
    add("pixels", dense(batch, 400), dense(400, 784), true, "");
    add("tied", dense(batch, 400), turned(400, 784), true, "");
  }
  for (const std::int64_t batch : {128}) {
    add("input_gradient", dense(batch, 784), turned(784, 400), false, "");
    add("weight_gradient", turned(400, batch), dense(batch, 784), false, "");
  }
  for (const std::int64_t size : {256, 512, 1024}) add("square", dense(size, size), dense(size, size), false, "");
  return all;
}

// Memory for a matmul's operands and result.
struct MatmulOperands {
  explicit MatmulOperands(const cpu::Matmul& product) {
    std::vector<cpu::Matrix> all{product.a, product.b};
    if (product.bias) all.push_back(dense(1, product.b.columns));
    all.push_back(product.result);
    for (const cpu::Matrix& matrix : all) {
      memories.emplace_back(std::size_t(matrix.rows * matrix.columns) * sizeof(float));
      fill(memories.back().data(), ir::f32({matrix.rows, matrix.columns}));
      buffers.push_back(memories.back().data());
    }
  }

  std::vector<Memory> memories;
  std::vector<void*> buffers;
};

std::string name_of(const cpu::Matmul& product) {
  return fmt::format("{}/{}x{}x{}", product.name, product.a.rows, product.a.columns, product.b.columns);
}

double gflops_of(const cpu::Matmul& product) {
  return 2e-9 * double(product.a.rows) * double(product.a.columns) * double(product.b.columns);
}

// `product`, `kernel` and `seconds`, which receives the time of the fastest run, must outlive the benchmark.
void add_matmul(const cpu::Matmul& product, const weft_kernel& kernel, const cpu::MachineTarget& target,
                double& seconds) {
  const cpu::MatmulPlan plan = cpu::make_matmul_plan(product, target);
  add_benchmark(name_of(product), [&, plan](benchmark::State& state) {
    MatmulOperands operands(product);
    const Memory scratch(kernel.scratch_bytes);
    seconds = fastest(state, [&] { kernel.run(operands.buffers.data(), scratch.data(), 0, kernel.chunks); });
    state.counters["us"] = seconds * 1e6;
    state.counters["Gflop/s"] = gflops_of(product) / seconds;
    state.counters["tile_rows"] = double(plan.tile_rows);
    state.counters["tile_columns"] = double(plan.tile_columns);
    state.counters["chunks"] = double(kernel.chunks);
    state.counters["estimate_us"] = kernel.work_ns / 1e3;
  });
}

// The same matmul by oneDNN; `ours` is the generated matmul's time, 0 if a filter skipped it.
void add_onednn_matmul(const cpu::Matmul& product, const double& ours) {
  add_benchmark(name_of(product) + "/oneDNN", [&](benchmark::State& state) {
    MatmulOperands operands(product);
    const auto primitive = cpu::make_matmul(product.a, product.b, product.result, product.bias, product.activation, 1);
    const Memory scratch(primitive->scratch_bytes());
    primitive->bind(operands.buffers.data(), scratch.data());
    const double seconds = fastest(state, [&] { primitive->run(); });
    state.counters["us"] = seconds * 1e6;
    state.counters["Gflop/s"] = gflops_of(product) / seconds;
    state.counters["generated/oneDNN"] = ours / seconds;
  });
}

int run_matmuls(const std::string& cpu) {
  cpu::Jit jit(cpu);
  const std::vector<cpu::Matmul> all = products();
  for (const cpu::Matmul& each : all) jit.add(each);
  const auto start = Clock::now();
  jit.compile();
  fmt::print("{} {}: {} products in {:.1f} ms\n", jit.target().cpu, jit.target().vector_width, all.size(),
             milliseconds(start));
  std::vector<double> ours(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) add_matmul(all[i], jit.kernel(int(i)), jit.target(), ours[i]);
  for (std::size_t i = 0; i < all.size(); ++i) add_onednn_matmul(all[i], ours[i]);
  run_benchmarks();
  return 0;
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc > 1 && std::string(argv[1]) == "--products") return weft::bench::run_matmuls(argc > 2 ? argv[2] : "native");
  const bool text = argc > 1 && std::string(argv[argc - 1]) == "--text";
  return weft::bench::run(argc > 1 && argv[1][0] != '-' ? std::atoll(argv[1]) : 128, text);
}
