// Training flags, shared by commands that train or inspect a step.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "passes/update.h"
#include "tools/flags/flags.h"
#include "training/runs/config.h"

namespace weft::tools {

// --optimizer, --lr, --momentum, --weight-decay, --decay-matrices, --trust, --clip-norm
class OptimizerFlags {
 public:
  void declare(Flags& flags);
  // `base` with the given flags applied.
  passes::OptimizerSpec apply(passes::OptimizerSpec base) const;

 private:
  std::optional<std::string> kind_;
  std::optional<double> learning_rate_, momentum_, weight_decay_, trust_, clip_norm_;
  bool decay_matrices_ = false;
};

// --backend, --threads, --contractions, --no-winograd, --precision
class MachineFlags {
 public:
  void declare(Flags& flags);
  // `options` with the given flags applied; keeps a precision only if the backend supports it.
  training::SessionOptions apply(training::SessionOptions options) const;
  const std::optional<std::string>& backend() const { return backend_; }

 private:
  std::optional<std::string> backend_, precision_, contractions_;
  std::optional<std::int64_t> threads_;
  bool no_winograd_ = false;
};

// --no-contrastive
class PassFlags {
 public:
  void declare(Flags& flags);
  // Applies to session options, stage options and pass contexts.
  template <typename Options>
  Options apply(Options options) const {
    if (no_contrastive_) options.contrastive = false;
    return options;
  }

 private:
  bool no_contrastive_ = false;
};

// --data, --validation
class DataFlags {
 public:
  void declare(Flags& flags);
  training::DataOptions apply(training::DataOptions options) const;

 private:
  std::optional<std::string> folder_;
  std::optional<std::int64_t> validation_;
};

// --schedule, --warmup-epochs
class ScheduleFlags {
 public:
  void declare(Flags& flags);
  training::Schedule apply(training::Schedule schedule) const;

 private:
  std::optional<std::string> kind_;
  std::optional<double> warmup_epochs_;
};

// "2 threads", "1 thread": the number that a session uses.
std::string threads_text(int threads);
int thread_count(int threads);  // 0 means all cores

}  // namespace weft::tools
