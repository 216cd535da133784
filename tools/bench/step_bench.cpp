// Compiles, runs and counts a step.
#include "tools/bench/step_bench.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <numeric>
#include <sstream>

#include "runtime/clock.h"
#include "runtime/rng.h"
#include "tools/bench/cost.h"
#include "tools/console/console.h"
#include "training/feed.h"
#include "training/step.h"

namespace weft::tools {

using training::Dataset;
using training::SessionOptions;

namespace {

constexpr std::int64_t kBatches = 4;  // number of batches to rotate through

// Random images of the shape of the loss entry's x, with random labels.
Dataset random_images(const ir::Module& module, std::int64_t count) {
  const ir::Graph& loss = training::entry_of(module, training::kLossEntry);
  const std::uint32_t input = loss.find_input(training::kSamplesInput);
  if (input == ir::kNone) fail("entry @{} has no input {}", loss.name, training::kSamplesInput);
  const ir::Dims& dims = loss.type(loss.inputs[input].value).dims;
  std::vector<std::int64_t> shape{count};
  for (std::size_t i = 1; i < dims.size(); ++i) shape.push_back(ir::number(dims[i]));

  constexpr int classes = 4;  // every model has at least this many
  Dataset data{"random images",
               runtime::HostTensor::zeros(ir::DType::u8, shape),
               runtime::HostTensor::zeros(ir::DType::i32, {count}),
               classes,
               {}};
  std::uint32_t block = 0;
  const auto next = [&] { return runtime::random_block({1, 0, 0}, block++)[0]; };
  for (std::uint8_t& pixel : data.samples.as<std::uint8_t>()) pixel = static_cast<std::uint8_t>(next());
  for (std::int32_t& label : data.labels.as<std::int32_t>()) label = static_cast<std::int32_t>(next() % classes);
  return data;
}

}  // namespace

StepTimes summarise(std::vector<double> milliseconds) {
  if (milliseconds.empty()) return {};
  std::ranges::sort(milliseconds);
  const auto at = [&](double share) {
    return milliseconds[static_cast<std::size_t>(std::llround(share * double(milliseconds.size() - 1)))];
  };
  return {at(0.5), at(0.1), at(0.9), static_cast<int>(milliseconds.size())};
}

StepBench::StepBench(const ir::Module& module, SessionOptions options)
    : session_(module, options), data_(random_images(module, kBatches * options.batch)) {
  indices_.resize(static_cast<std::size_t>(options.batch));
  compile_step();
  count();
}

void StepBench::compile_step() {
  // The session built its graph already; this repeats the passes to time them.
  passes::Context context;
  context.contrastive = options().contrastive;
  training::training_step(session_.module(), options().optimizer, context,
                          [&](const std::string& pass, const ir::GraphPtr&, double seconds) {
                            compile_seconds_.emplace_back(pass, seconds);
                          });
  const Clock::time_point start = Clock::now();
  session_.training_program(data_, options().batch, &report_);
  add_compile_seconds(seconds_since(start));
}

void TimedStep::add_compile_seconds(double all) {
  for (const auto& part : report_.seconds) {
    compile_seconds_.push_back(part);
    all -= part.second;
  }
  compile_seconds_.emplace_back("plan and bind", all);
}

double TimedStep::compile_milliseconds() const {
  double seconds = 0;
  for (const auto& part : compile_seconds_) seconds += part.second;
  return seconds * 1e3;
}

void StepBench::count() {
  const ir::GraphPtr graph = session_.training_graph();
  CompileOptions compile_options;
  for (const std::string& symbol : graph->symbols())
    compile_options.bind[symbol] = symbol == training::kSizeSymbol ? data_.size() : options().batch;
  const ir::GraphPtr bound = lowered(graph, compile_options);
  flops_ = contraction_flops(*bound);
  least_bytes_ = unavoidable_bytes(*graph, *bound);
}

void StepBench::queue_step() {
  std::iota(indices_.begin(), indices_.end(), next_ * options().batch);
  next_ = (next_ + 1) % kBatches;
  session_.step(data_, indices_);
}

double TimedStep::run_burst(std::int64_t steps) {
  const Clock::time_point start = Clock::now();
  for (std::int64_t i = 0; i < steps; ++i) queue_step();
  wait();
  return 1e3 * seconds_since(start) / double(steps);
}

StepTimes TimedStep::measure(double warm_seconds, double seconds, int least) {
  const Clock::time_point begin = Clock::now();
  while (seconds_since(begin) < warm_seconds) run_step();
  const Clock::time_point start = Clock::now();
  std::vector<double> times;
  while (seconds_since(start) < seconds || int(times.size()) < least) times.push_back(run_step());
  return summarise(std::move(times));
}

void serve(TimedStep& bench) {
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string command;
    if (!(words >> command)) continue;
    std::int64_t steps = 0;
    const bool is_burst = command == "burst";
    if ((command != "run" && !is_burst) || !(words >> steps) || steps < (is_burst ? 1 : 0)) return;
    std::vector<double> times(is_burst ? 1 : static_cast<std::size_t>(steps));
    for (double& time : times) time = bench.run_burst(is_burst ? steps : 1);
    put("{{\"ms\": [{:.4f}]}}\n", fmt::join(times, ", "));
    std::fflush(stdout);
  }
}

}  // namespace weft::tools
