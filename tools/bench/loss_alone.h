// A loss without a model: the subject `nt_xent` of `weft plan` and `weft bench`. Its step is forward and backward, from
// the rows it compares to their gradients, with no optimizer.
#pragma once

#include <cstdint>
#include <string>

#include "passes/pass.h"
#include "passes/pipeline.h"
#include "tools/bench/step_bench.h"
#include "tools/flags/flags.h"

namespace weft::tools {

class LossFlags {
 public:
  void declare(Flags& flags);

  static bool is_loss(const std::string& name) { return name == "nt_xent"; }
  // Inputs and outputs: the rows f32[2*B,dim], then `loss` and their gradient.
  ir::GraphPtr step(passes::Context& context, const passes::Observe& observe = {}) const;
  // B for a batch of so many rows; UsageError for an odd number, of which the last would have no partner.
  static std::int64_t pairs_of(std::int64_t batch);

 private:
  std::int64_t dim_ = 128;
};

// Compiled for random rows.
class LossBench final : public TimedStep {
 public:
  LossBench(const LossFlags& loss, std::int64_t batch, const training::SessionOptions& options);

 private:
  runtime::Program& program() override { return *program_; }
  void queue_step() override { program_->run(); }
  void wait() override;

  std::unique_ptr<runtime::Program> program_;
  int loss_ = -1;  // its output
};

}  // namespace weft::tools
