// The subject `nt_xent` of `weft plan` and `weft bench`: a loss without a model or optimizer. Its step runs forward and
// backward, from embeddings to their gradients.
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
  // Input: the embeddings f32[2*B,dim]. Outputs: `loss` and their gradient.
  ir::GraphPtr step(passes::Context& context, const passes::Observe& observe = {}) const;
  // B for a batch of this many rows; UsageError for an odd number, which leaves a row without a partner.
  static std::int64_t pairs_of(std::int64_t batch);

 private:
  std::int64_t dim_ = 128;
};

// Compiled for random embeddings.
class LossBench final : public TimedStep {
 public:
  LossBench(const LossFlags& loss, std::int64_t batch, const training::SessionOptions& options);

 private:
  runtime::Program& program() override { return *program_; }
  void queue_step() override { program_->run(); }
  void wait() override;

  std::unique_ptr<runtime::Program> program_;
  int loss_ = -1;  // index of the output `loss`
};

}  // namespace weft::tools
