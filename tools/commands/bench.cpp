// weft bench: times a training step on each backend and compares it with this machine's peak.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/bench/loss_alone.h"
#include "tools/bench/peak.h"
#include "tools/bench/step_bench.h"
#include "tools/commands/commands.h"
#include "tools/console/console.h"
#include "tools/flags/model_flags.h"
#include "tools/flags/train_flags.h"

namespace weft::tools {

namespace {

using training::SessionOptions;

// A lower bound for any program: operations at peak rate and necessary traffic at full bandwidth may overlap.
double limit_milliseconds(const TimedStep& bench, const Peak& peak) {
  return std::max(bench.flops() / peak.gflops, bench.least_bytes() / peak.bandwidth) / 1e6;
}

struct Result {
  std::string model, backend;
  std::int64_t batch = 0;
  int threads = 0;
  bool on_host = true;  // compare with the measured peak, which is the CPU's
  StepTimes times;
  double compile_ms = 0, limit_ms = 0, gflops = 0, percent_of_peak = 0;
  runtime::MemoryUse memory;
  int kernels = 0;
  std::vector<std::pair<std::string, double>> compile_seconds;
};

std::string to_json(const Result& result) {
  nlohmann::ordered_json passes = nlohmann::ordered_json::object();
  for (const auto& [name, seconds] : result.compile_seconds)
    passes[name] = passes.value(name, 0.0) + seconds * 1e3;  // a pass may run twice
  nlohmann::ordered_json json{
      {"model", result.model},
      {"backend", result.backend},
      {"batch", result.batch},
      {"threads", result.threads},
      {"compile_ms", result.compile_ms},
      {"step_ms", {{"median", result.times.median}, {"p10", result.times.p10}, {"p90", result.times.p90}}},
      {"limit_ms", result.limit_ms},
      {"gflops", result.gflops},
      {"arena_bytes", result.memory.arena_bytes},
      {"naive_bytes", result.memory.naive_bytes},
      {"lower_bound_bytes", result.memory.lower_bound_bytes},
      {"percent_of_peak", result.percent_of_peak},
      {"kernels", result.kernels},
      {"compile_by_pass_ms", passes}};
  if (!result.on_host)
    for (const char* key : {"threads", "limit_ms", "percent_of_peak"}) json[key] = nullptr;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

class Bench final : public Command {
 public:
  explicit Bench(const Catalog& catalog) : model_(catalog) {}

  void declare(Flags& flags) override {
    flags.group("Bench");
    flags.add("batch", batch_, 1, "Images per step");
    loss_.declare(flags);
    flags.add("seconds", seconds_, Flags::Range::positive, "Seconds of timing, after one second of warm-up");
    flags.add("kernels,profile", kernels_,
              "Also list each kernel and library call with its implementation, time and rate");
    flags.add("json", json_, "Print one JSON object, of the best backend, as the last line");
    flags.add("worker", worker_,
              "Read `run N` from standard input and print the times of N steps, for bench/peers/compare");
    optimizer_.declare(flags);
    machine_.declare(flags);
    passes_.declare(flags);
    model_.declare_size(flags);
    model_.declare(flags);
  }

  int run() override {
    if (!LossFlags::is_loss(model_.name())) subject_ = model_.build_or_read();
    return worker_ ? run_worker() : run_all();
  }

 private:
  SessionOptions options(const std::string& backend) const {
    SessionOptions options;
    options.backend = backend;
    options = passes_.apply(machine_.apply(options));
    options.optimizer = optimizer_.apply(options.optimizer);
    options.batch = batch_;
    return options;
  }

  std::unique_ptr<TimedStep> make_step(const SessionOptions& options) const {
    if (subject_) return std::make_unique<StepBench>(subject_->module, options);
    return std::make_unique<LossBench>(loss_, batch_, options);
  }

  int run_worker() const {
    serve(*make_step(options(backend_names().front())));
    return 0;
  }

  int run_all() const {
    std::FILE* file = json_ ? stderr : stdout;
    const int threads = thread_count(options(backend_names().front()).threads);
    const Peak peak = measure_peak(threads);
    const std::string name = subject_ ? subject_->name : model_.name();
    put(file, "{}, batch {}, {}, random {}\n", name, batch_, threads_text(threads),
        subject_ ? "pictures" : "embeddings");
    put(file, "machine  {:.1f} GFLOP/s (f32, {}), {:.1f} GB/s (triad): measured now, {}\n", peak.gflops,
        peak.instruction, peak.bandwidth, threads_text(threads));

    std::vector<std::string> lines;
    for (const std::string& backend : backends()) {
      const std::unique_ptr<TimedStep> step = make_step(options(backend));
      TimedStep& bench = *step;
      const bool on_host = memory_of(backend)->is_host();
      if (lines.empty() && on_host)
        put(file, "limit    {:.3f} ms: {:.1f} MFLOP at this rate or {} at this bandwidth, whichever takes longer\n",
            limit_milliseconds(bench, peak), bench.flops() / 1e6, bytes_text(bench.least_bytes()));
      const Result result = measure(name, bench, options(backend), peak);
      print(file, result);
      if (kernels_) print_profile(file, bench, result.times.median);
      lines.push_back(to_json(result));
    }
    if (json_)
      for (auto line = lines.rbegin(); line != lines.rend(); ++line) put("{}\n", *line);
    return 0;
  }

  std::vector<std::string> backends() const {
    return machine_.backend() ? std::vector<std::string>{*machine_.backend()} : backend_names();
  }

  Result measure(const std::string& model, TimedStep& bench, const SessionOptions& options, const Peak& peak) const {
    Result result;
    result.model = model;
    result.backend = options.backend;
    result.batch = options.batch;
    result.on_host = memory_of(options.backend)->is_host();
    result.threads = thread_count(options.threads);
    // These backends check correctness, so a few steps suffice.
    const bool is_check = options.backend == "reference" || options.backend == "cuda-emulated";
    result.times = is_check ? bench.measure(0, 0, 3) : bench.measure(1, seconds_, 10);
    result.compile_ms = bench.compile_milliseconds();
    result.compile_seconds = bench.compile_seconds();
    result.limit_ms = limit_milliseconds(bench, peak);
    result.gflops = bench.flops() / result.times.median / 1e6;
    result.percent_of_peak = 100 * result.gflops / peak.gflops;
    result.memory = bench.memory();
    result.kernels = bench.kernels();
    return result;
  }

  static void print(std::FILE* file, const Result& result) {
    std::string passes;
    for (const auto& [name, seconds] : result.compile_seconds)
      passes += fmt::format("{}{} {:.1f}", passes.empty() ? "" : ", ", name, seconds * 1e3);
    put(file, "\n{}\n", result.backend);
    put(file, "  compile  {:.1f} ms: {}\n", result.compile_ms, passes);
    put(file, "  step     {:.3f} ms median, {:.3f} p10, {:.3f} p90 over {} steps", result.times.median,
        result.times.p10, result.times.p90, result.times.steps);
    if (result.on_host) put(file, ": {:.2f} times the limit", result.times.median / result.limit_ms);
    put(file, "\n  rate     {:.1f} GFLOP/s", result.gflops);
    if (result.on_host) put(file, ", {:.1f}% of the peak", result.percent_of_peak);
    put(file, "\n");
    put(file, "  memory   arena {} bytes, naive {}, lower bound {}\n", grouped(result.memory.arena_bytes),
        grouped(result.memory.naive_bytes), grouped(result.memory.lower_bound_bytes));
    put(file, "  kernels  {}\n", result.kernels);
  }

  static void print_profile(std::FILE* file, TimedStep& bench, double step_ms) {
    std::vector<runtime::ItemProfile> items = bench.profile(50);
    if (items.empty()) {
      put(file, "  this backend cannot profile\n");
      return;
    }
    put(file, "\n  {:>9} {:>6} {:>9} {:>8}  {:<24} {}\n", "us", "share", "GFLOP/s", "GB/s", "implementation", "what");
    double total = 0;
    for (const runtime::ItemProfile& item : items) {
      const double rate = item.flops > 0 ? item.flops / item.seconds / 1e9 : 0;
      const std::string place = to_string(item.location);
      put(file, "  {:>9.1f} {:>5.1f}% {:>9} {:>8.1f}  {:<24} {}{}{}\n", item.seconds * 1e6,
          100 * item.seconds * 1e3 / step_ms, rate > 0 ? fmt::format("{:.1f}", rate) : "",
          item.bytes / item.seconds / 1e9, item.kind, item.name, place.empty() ? "" : "  ", place);
      total += item.seconds;
    }
    put(file, "  {:>9.1f} us in {} items\n", total * 1e6, items.size());
  }

  ModelFlags model_;
  OptimizerFlags optimizer_;
  MachineFlags machine_;
  PassFlags passes_;
  LossFlags loss_;
  std::optional<Subject> subject_;  // none for a loss without a model
  std::int64_t batch_ = 128;
  double seconds_ = 2;
  bool kernels_ = false, json_ = false, worker_ = false;
};

}  // namespace

std::unique_ptr<Command> make_bench(const Catalog& catalog) { return std::make_unique<Bench>(catalog); }

}  // namespace weft::tools
