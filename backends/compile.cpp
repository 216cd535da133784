// Binds, verifies, runs the pipeline and hands the graph to a backend.
#include "backends/compile.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "backends/cuda/program.h"
#include "backends/gpu.h"
#include "backends/reference/program.h"
#include "ir/error.h"
#include "ir/verify.h"
#include "passes/pipeline.h"
#ifdef WEFT_WITH_CPU
#include "backends/cpu/library.h"
#include "backends/cpu/program.h"
#endif

namespace weft {

namespace {

ir::GraphPtr bound(const ir::GraphPtr& graph, const ir::Bindings& bindings) {
  if (graph->symbols().empty()) return graph;
  for (const std::string& symbol : graph->symbols())
    if (bindings.count(symbol) == 0) fail("graph @{} needs a number for the dim {}", graph->name, symbol);
  return std::make_shared<const ir::Graph>(ir::bind(*graph, bindings));
}

ir::GraphPtr bound_and_verified(const ir::GraphPtr& graph, const CompileOptions& options, CompileReport& report) {
  if (options.observe) options.observe("graph", graph);
  const auto start = std::chrono::steady_clock::now();
  const ir::GraphPtr numbered = bound(graph, options.bind);
  ir::verify(*numbered);
  report.seconds.emplace_back("bind", seconds_since(start));
  return numbered;
}

passes::Target target(const CompileOptions& options) {
  if (is_gpu_backend(options.backend)) return cuda::target();
  passes::Target target;
#ifdef WEFT_WITH_CPU
  target = cpu::target();
#endif
  if (!options.choose_layouts) {
    target.weights_layout = nullptr;
    if (!options.layouts.empty()) target.kept_layouts = options.layouts;
  }
  return target;
}

}  // namespace

std::vector<std::string> backend_names() {
#if defined(WEFT_WITH_CPU)
  return {"cpu", "reference"};
#else
  const std::vector<Finding> findings = find_gpu();
  const bool has_gpu = !findings.empty() && std::ranges::all_of(findings, &Finding::found);
  return has_gpu ? std::vector<std::string>{"cuda", "reference"} : std::vector<std::string>{"reference"};
#endif
}

std::vector<std::string> backend_choices() {
#ifdef WEFT_WITH_CPU
  return {"cpu", "cuda", "cuda-emulated", "reference"};
#else
  return {"cuda", "cuda-emulated", "reference"};
#endif
}

std::vector<std::string> backend_libraries() {
#ifdef WEFT_WITH_CPU
  return {"LLVM " WEFT_LLVM_VERSION, cpu::library_version()};
#else
  return {};
#endif
}

bool has_tf32(const std::string& backend) { return is_gpu_backend(backend); }

std::shared_ptr<runtime::Memory> memory_of(const std::string& backend) {
  return is_gpu_backend(backend) ? gpu_of(backend).memory : runtime::host_memory();
}

ir::GraphPtr lowered(const ir::GraphPtr& graph, const CompileOptions& options, CompileReport* report) {
  CompileReport unused;
  CompileReport& facts = report ? *report : unused;
  const ir::GraphPtr numbered = bound_and_verified(graph, options, facts);
  passes::Context context;
  context.target = target(options);
  const auto observe = [&](const std::string& pass, const ir::GraphPtr& result, double seconds) {
    facts.seconds.emplace_back(pass, seconds);
    if (options.observe) options.observe(pass, result);
  };
  const ir::GraphPtr result = passes::run_passes(numbered, passes::compile_pipeline(), context, observe);
  facts.notes.insert(facts.notes.end(), context.notes.begin(), context.notes.end());
  return result;
}

std::unique_ptr<runtime::Program> compile(const ir::GraphPtr& graph, const CompileOptions& options,
                                          CompileReport* report) {
  CompileReport unused;
  CompileReport& facts = report ? *report : unused;
  if (options.tf32 && !has_tf32(options.backend))
    fail("graph @{} was to be compiled with TF32, which the backend '{}' has not: use cuda, or f32", graph->name,
         options.backend);
  if (options.backend == "reference") return reference::make_program(bound_and_verified(graph, options, facts));
  if (is_gpu_backend(options.backend)) {
    const Gpu& gpu = gpu_of(options.backend);
    return cuda::make_program(lowered(graph, options, &facts), gpu.device, gpu.memory, options.tf32, facts);
  }
#ifdef WEFT_WITH_CPU
  if (options.backend == "cpu") {
    const int threads = options.threads > 0 ? options.threads : int(std::max(1u, std::thread::hardware_concurrency()));
    return cpu::make_program(lowered(graph, options, &facts), threads, options.winograd, facts);
  }
#endif
  fail("this build has no backend '{}'; it has: {}", options.backend, fmt::join(backend_choices(), ", "));
}

}  // namespace weft
