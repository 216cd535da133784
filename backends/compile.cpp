// Binds, verifies, runs the pipeline and hands the graph to a backend.
#include "backends/compile.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "backends/cuda/program.h"
#include "backends/gpu.h"
#include "backends/reference/program.h"
#include "ir/error.h"
#include "ir/suggest.h"
#include "ir/verify.h"
#include "passes/pipeline.h"
#ifdef WEFT_WITH_CPU
#include "backends/cpu/library.h"
#include "backends/cpu/program.h"
#endif

namespace weft {

namespace {

constexpr std::array<std::string_view, 3> kPrecisions{"f32", "tf32", "bf16"};  // in the order of the enum

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

passes::Target target_of(const std::string& backend) {
  if (is_gpu_backend(backend)) return cuda::target();
#ifdef WEFT_WITH_CPU
  return cpu::target();
#else
  return {};
#endif
}

passes::Target target(const CompileOptions& options) {
  passes::Target target = target_of(options.backend);
  if (!options.choose_layouts || options.standalone) target.weights_layout = nullptr;
  if (!options.choose_layouts && !options.standalone && !options.layouts.empty()) target.kept_layouts = options.layouts;
  return target;
}

std::vector<std::string> pass_names(const CompileOptions& options) {
  std::vector<std::string> names = passes::compile_pipeline();
  if (options.precision == Precision::bf16) names.insert(std::ranges::find(names, "epilogue"), "bf16");
  return names;
}

}  // namespace

std::string_view name(Precision precision) { return kPrecisions[std::size_t(precision)]; }

std::vector<std::string> precision_names() { return {kPrecisions.begin(), kPrecisions.end()}; }

Precision parse_precision(std::string_view text) {
  const auto found = std::ranges::find(kPrecisions, text);
  if (found == kPrecisions.end()) fail("unknown precision {}{}", text, did_you_mean(text, precision_names()));
  return Precision(found - kPrecisions.begin());
}

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

bool has_precision(const std::string& backend, Precision precision) {
  return precision == Precision::f32 || is_gpu_backend(backend);
}

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
  const ir::GraphPtr result = passes::run_passes(numbered, pass_names(options), context, observe);
  facts.notes.insert(facts.notes.end(), context.notes.begin(), context.notes.end());
  return result;
}

std::unique_ptr<runtime::Program> compile(const ir::GraphPtr& graph, const CompileOptions& options,
                                          CompileReport* report) {
  CompileReport unused;
  CompileReport& facts = report ? *report : unused;
  if (!has_precision(options.backend, options.precision))
    fail("graph @{} was to be compiled in {}, which the backend '{}' has not: use cuda, or f32", graph->name,
         name(options.precision), options.backend);
  if (options.standalone && options.backend != "cpu")
    fail("graph @{} was to be compiled standalone, which is a way of the backend cpu, not of '{}'", graph->name,
         options.backend);
  if (options.backend == "reference") return reference::make_program(bound_and_verified(graph, options, facts));
  if (is_gpu_backend(options.backend)) {
    const Gpu& gpu = gpu_of(options.backend);
    const bool tf32 = options.precision == Precision::tf32;
    return cuda::make_program(lowered(graph, options, &facts), gpu.device, gpu.memory, tf32, facts);
  }
#ifdef WEFT_WITH_CPU
  if (options.backend == "cpu") {
    const int threads = options.threads > 0 ? options.threads : int(std::max(1u, std::thread::hardware_concurrency()));
    return cpu::make_program(lowered(graph, options, &facts), threads, {"", options.winograd, options.standalone},
                             facts);
  }
#endif
  fail("this build has no backend '{}'; it has: {}", options.backend, fmt::join(backend_choices(), ", "));
}

}  // namespace weft
