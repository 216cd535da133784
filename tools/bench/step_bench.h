// A compiled and timed step, for `weft bench` and the worker of bench/peers/compare.
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

// A compiled step that can run repeatedly.
class TimedStep {
 public:
  virtual ~TimedStep() = default;

  // By pass, from the original graph to a program that is ready to run.
  const std::vector<std::pair<std::string, double>>& compile_seconds() const { return compile_seconds_; }
  double compile_milliseconds() const;
  int kernels() const { return report_.kernels; }
  runtime::MemoryUse memory() { return program().memory(); }
  double flops() const { return flops_; }              // per step, of matmuls and convolutions
  double least_bytes() const { return least_bytes_; }  // minimum traffic per step

  double run_step() { return run_burst(1); }  // ms
  // The mean over `steps` steps with one wait at the end, as in training.
  double run_burst(std::int64_t steps);  // ms
  // Runs steps for `warm_seconds`, then for `seconds`, but at least `least` steps.
  StepTimes measure(double warm_seconds, double seconds, int least);
  std::vector<runtime::ItemProfile> profile(int runs) { return program().profile(runs); }

 protected:
  virtual runtime::Program& program() = 0;
  virtual void queue_step() = 0;
  virtual void wait() = 0;  // for queued steps
  // Adds the times of the report, and the rest of `all` as "plan and bind".
  void add_compile_seconds(double all);

  CompileReport report_;
  std::vector<std::pair<std::string, double>> compile_seconds_;
  double flops_ = 0, least_bytes_ = 0;
};

// The training step of a model.
class StepBench final : public TimedStep {
 public:
  // Compiles the step. The data are a few batches of random images of the model's size.
  StepBench(const ir::Module& module, training::SessionOptions options);

 private:
  void queue_step() override;
  void wait() override { session_.read_metrics(); }  // reading metrics waits for the steps
  const training::SessionOptions& options() const { return session_.options(); }
  runtime::Program& program() override { return session_.training_program(data_, session_.options().batch); }
  void compile_step();
  void count();

  training::Session session_;
  training::Dataset data_;
  std::vector<std::int64_t> indices_;
  std::int64_t next_ = 0;
};

// Answers requests on standard input until "quit" or the end of input: "run N" by {"ms": [...]}, the times of N steps
// with a wait after each, and "burst N" by {"ms": [mean]} over N steps with one wait.
void serve(TimedStep& bench);

}  // namespace weft::tools
