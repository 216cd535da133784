// Declares and applies training flags.
#include "tools/flags/train_flags.h"

#include <algorithm>
#include <thread>

#include "backends/compile.h"

namespace weft::tools {

namespace {

std::string default_text(const std::string& doc, double value) { return fmt::format("{} [{:g}]", doc, value); }

}  // namespace

void OptimizerFlags::declare(Flags& flags) {
  const passes::OptimizerSpec spec;
  flags.group("Optimizer");
  flags.choose("optimizer", kind_, training::optimizer_names(),
               fmt::format("Optimizer [{}]", training::name(spec.kind)));
  flags.add("lr", learning_rate_, Flags::Range::positive, default_text("Learning rate", spec.learning_rate));
  flags.add("momentum", momentum_, Flags::Range::not_negative,
            default_text("Momentum, for momentum, nesterov and lars", spec.momentum));
  flags.add("weight-decay", weight_decay_, Flags::Range::not_negative,
            default_text("Weight decay: added to the gradient; decoupled for adamw", spec.weight_decay));
  flags.add("decay-matrices", decay_matrices_, "Exclude biases and norm scales from weight decay, as lars does");
  flags.add("trust", trust_, Flags::Range::positive, default_text("Trust coefficient of lars", spec.trust));
  flags.add("clip-norm", clip_norm_, Flags::Range::positive, "Clip gradients to this global norm [off]");
}

passes::OptimizerSpec OptimizerFlags::apply(passes::OptimizerSpec spec) const {
  if (kind_) spec.kind = training::parse_optimizer(*kind_);
  spec.learning_rate = learning_rate_.value_or(spec.learning_rate);
  spec.momentum = momentum_.value_or(spec.momentum);
  spec.weight_decay = weight_decay_.value_or(spec.weight_decay);
  if (decay_matrices_) spec.decay_vectors = false;
  spec.trust = trust_.value_or(spec.trust);
  spec.clip_norm = clip_norm_.value_or(spec.clip_norm);
  return spec;
}

void ScheduleFlags::declare(Flags& flags) {
  const training::Schedule schedule;
  flags.choose("schedule", kind_, training::schedule_names(),
               fmt::format("Learning rate schedule [{}]", training::name(schedule.kind)));
  flags.add("warmup-epochs", warmup_epochs_, Flags::Range::not_negative,
            default_text("Epochs over which the learning rate rises from 0", schedule.warmup_epochs));
}

training::Schedule ScheduleFlags::apply(training::Schedule schedule) const {
  if (kind_) schedule.kind = training::parse_schedule(*kind_);
  schedule.warmup_epochs = warmup_epochs_.value_or(schedule.warmup_epochs);
  return schedule;
}

void MachineFlags::declare(Flags& flags) {
  flags.group("Machine");
  flags.choose("backend", backend_, backend_choices(), fmt::format("Backend [{}]", backend_names().front()));
  flags.add("threads", threads_, 1, fmt::format("Threads [all cores: {}]", thread_count(0)));
  flags.choose("contractions", contractions_, contractions_names(),
               "Matmuls and convolutions by kernels that Weft generates, by oneDNN, or by shape [auto]");
  flags.add("no-winograd", no_winograd_, "Disable Winograd convolution: slower, with less rounding");
  flags.choose(
      "precision", precision_, precision_names(),
      "With --backend cuda: round the operands of matmuls and convolutions to tf32 or bf16, for tensor cores [f32]");
}

training::SessionOptions MachineFlags::apply(training::SessionOptions options) const {
  constexpr std::int64_t most = 4096;  // more than any machine has
  if (threads_ && *threads_ > most) fail_usage("--threads takes at most {}, got {}", most, *threads_);
  options.backend = backend_.value_or(options.backend);
  options.threads = static_cast<int>(threads_.value_or(options.threads));
  if (no_winograd_) options.winograd = false;
  if (contractions_) options.contractions = parse_contractions(*contractions_);
  if (precision_) options.precision = parse_precision(*precision_);
  if (has_precision(options.backend, options.precision)) return options;
  if (precision_)
    fail_usage("--precision {} needs --backend cuda; {} multiplies in f32: give --backend cuda or omit --precision",
               *precision_, options.backend);
  options.precision = Precision::f32;
  return options;
}

void PassFlags::declare(Flags& flags) {
  flags.group("Compiler");
  flags.add("no-contrastive", no_contrastive_,
            "Disable the pass `contrastive`: losses over all pairs of a batch store their matrix");
}

void DataFlags::declare(Flags& flags) {
  flags.group("Data");
  flags.add("data", folder_, "PATH",
            "Folder or file: IDX, CIFAR-10, PNG, CSV or .npy; or built in: digits, digits-colour [digits]");
  flags.add("validation", validation_, 0, "Training images held out for validation [one in 12, at most 5,000]");
}

training::DataOptions DataFlags::apply(training::DataOptions options) const {
  options.folder = folder_.value_or(options.folder);
  if (validation_) options.validation = validation_;
  return options;
}

int thread_count(int threads) {
  return threads > 0 ? threads : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
}

std::string threads_text(int threads) {
  const int count = thread_count(threads);
  return count == 1 ? "1 thread" : fmt::format("{} threads", count);
}

}  // namespace weft::tools
