// A step, compiled and timed: what `weft bench` prints, and the worker that bench/peers/compare drives.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "backends/compile.h"
#include "tools/flags/model_flags.h"
#include "training/session.h"

namespace weft::tools {

struct StepTimes {
  double median = 0, p10 = 0, p90 = 0;  // ms
  int steps = 0;
};
StepTimes summarise(std::vector<double> milliseconds);

// Something compiled that is run again and again.
class TimedStep {
 public:
  virtual ~TimedStep() = default;

  // By pass, from the graph as written to a program that is ready to run.
  const std::vector<std::pair<std::string, double>>& compile_seconds() const { return compile_seconds_; }
  double compile_milliseconds() const;
  int kernels() const { return report_.kernels; }
  runtime::MemoryUse memory() { return program().memory(); }
  double flops() const { return flops_; }              // of a step's matmuls and convolutions
  double least_bytes() const { return least_bytes_; }  // that a step cannot do without

  double run_step() { return run_burst(1); }  // ms
  // The mean of `steps` steps that are waited for once, at the end of all: a device gets them as it does in training.
  double run_burst(std::int64_t steps);  // ms
  // Runs steps for `warm_seconds`, then for `seconds`, at least `least` of them.
  StepTimes measure(double warm_seconds, double seconds, int least);
  std::vector<runtime::ItemProfile> profile(int runs) { return program().profile(runs); }

 protected:
  virtual runtime::Program& program() = 0;
  virtual void queue_step() = 0;
  virtual void wait() = 0;  // for what was queued
  // Those of the report, and the rest of `all`.
  void add_compile_seconds(double all);

  CompileReport report_;
  std::vector<std::pair<std::string, double>> compile_seconds_;
  double flops_ = 0, least_bytes_ = 0;
};

// The training step of a model.
class StepBench final : public TimedStep {
 public:
  // Compiles. The data are random images of the model's size, a few batches of them.
  StepBench(const ir::Module& module, training::SessionOptions options);

 private:
  void queue_step() override;
  void wait() override { session_.read_metrics(); }  // the steps are done when these are here
  const training::SessionOptions& options() const { return session_.options(); }
  runtime::Program& program() override { return session_.training_program(data_, session_.options().batch); }
  void compile_step();
  void count();

  training::Session session_;
  training::Dataset data_;
  std::vector<std::int64_t> indices_;
  std::int64_t next_ = 0;
};

// Answers, until "quit" or the end of input: "run N" on standard input by {"ms": [...]}, the times of N steps that are
// each waited for, and "burst N" by {"ms": [mean]}, of N steps that are waited for once.
void serve(TimedStep& bench);

}  // namespace weft::tools
