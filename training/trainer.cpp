// The loop over epochs and steps.
#include "training/trainer.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "ir/error.h"
#include "runtime/clock.h"
#include "training/step.h"

namespace weft::training {

namespace {

constexpr double kReadSeconds = 0.2;

class Trainer {
 public:
  Trainer(Session& session, const DatasetSplits& data, const TrainOptions& options, const TrainHooks& hooks,
          Position position)
      : session_(session),
        data_(data),
        options_(options),
        hooks_(hooks),
        position_(std::move(position)),
        batch_(session.options().batch),
        steps_per_epoch_(static_cast<std::uint64_t>(steps_in(data.train.size(), batch_))),
        steps_(steps_per_epoch_ * static_cast<std::uint64_t>(options.epochs)) {
    check_position();
    check_fits(session.module(), batch_, data);
    session.read_metrics();  // drops metrics of earlier steps
    if (options.beta_warmup_epochs > 0) beta_ = session.hyper("beta");
  }

  Outcome run() {
    const Clock::time_point begin = Clock::now();
    Outcome outcome;
    while (!outcome.interrupted && position_.epochs_done < options_.epochs) outcome.interrupted = !run_epoch();
    set_whole_beta();
    if (!outcome.interrupted && data_.test.size() > 0) outcome.test = session_.evaluate(data_.test);
    outcome.epochs = position_.epochs_done;
    outcome.steps = session_.steps();
    outcome.images_per_second = images_per_second();
    outcome.seconds = seconds_since(begin);
    return outcome;
  }

 private:
  void check_position() {
    if (options_.epochs < 0) fail("epochs {}: give 0 or more", options_.epochs);
    if (data_.train.size() == 0) fail("cannot train on {}: it holds no samples", data_.train.name);
    if (position_.sums.empty()) position_.sums.assign(session_.metric_names().size(), 0.0);
    const std::uint64_t steps = static_cast<std::uint64_t>(position_.epochs_done) * steps_per_epoch_ +
                                static_cast<std::uint64_t>(steps_in(position_.images_done, batch_));
    if (steps != session_.steps() || position_.images_done > data_.train.size() ||
        position_.sums.size() != session_.metric_names().size())
      fail(
          "the checkpoint is at step {}, but {} epochs and {} of {} images in batches of {} are {} steps; resume with "
          "the data and the batch size of the run",
          session_.steps(), position_.epochs_done, position_.images_done, data_.train.size(), batch_, steps);
  }

  // Returns false if the loop was asked to stop before the end of the epoch.
  bool run_epoch() {
    const auto epoch = static_cast<std::uint64_t>(position_.epochs_done) + 1;
    const std::vector<std::int64_t> order = shuffled_indices(data_.train.size(), session_.options().seed, epoch);
    while (position_.images_done < data_.train.size()) {
      if (stopped()) {
        read_metrics();
        checkpoint();
        return false;
      }
      run_step(order);
      if (is_time_for_checkpoint()) {
        read_metrics();
        checkpoint();
      }
    }
    finish_epoch();
    return true;
  }

  // Reading metrics from a device leaves it idle: read rarely, but often enough for the progress display.
  bool is_time_to_read() const {
    return session_.has_full_metrics() || position_.images_done == data_.train.size() ||
           seconds_since(last_read_) > kReadSeconds;
  }

  // finish_epoch writes the checkpoint after the last step of an epoch.
  bool is_time_for_checkpoint() const {
    return hooks_.checkpoint && options_.checkpoint_minutes > 0 && position_.images_done < data_.train.size() &&
           seconds_since(last_checkpoint_) >= 60 * options_.checkpoint_minutes;
  }

  void read_metrics() {
    const std::span<const float> values = session_.read_metrics();
    const std::size_t width = position_.sums.size();
    for (std::size_t i = 0; i < unread_.size(); ++i) {
      const std::span<const float> row = values.subspan(i * width, width);
      check_metrics(row, session_.steps() - (unread_.size() - 1 - i));
      for (std::size_t j = 0; j < width; ++j) position_.sums[j] += static_cast<double>(unread_[i]) * row[j];
    }
    unread_.clear();
    last_read_ = Clock::now();
  }

  bool stopped() const { return hooks_.stop && hooks_.stop->load(std::memory_order_relaxed); }

  void run_step(const std::vector<std::int64_t>& order) {
    const Clock::time_point begin = Clock::now();
    const std::int64_t rows = std::min(batch_, data_.train.size() - position_.images_done);
    if (session_.has_hyper("lr"))
      session_.set_hyper("lr", learning_rate(options_.schedule, session_.options().optimizer.learning_rate,
                                             session_.steps(), steps_per_epoch_, steps_));
    if (beta_)
      session_.set_hyper("beta", warmed_beta(options_.beta_warmup_epochs, *beta_, session_.steps(), steps_per_epoch_));
    session_.step(data_.train, std::span(order).subspan(static_cast<std::size_t>(position_.images_done),
                                                        static_cast<std::size_t>(rows)));
    unread_.push_back(rows);
    position_.images_done += rows;
    images_ += rows;
    if (is_time_to_read()) read_metrics();
    seconds_ += seconds_since(begin);
    if (hooks_.progress && unread_.empty())
      hooks_.progress(
          {position_.epochs_done + 1, options_.epochs, session_.steps(), steps_, mean_loss(), images_per_second(), 0});
  }

  void finish_epoch() {
    EpochResult result;
    result.epoch = ++position_.epochs_done;
    result.step = session_.steps();
    for (std::size_t i = 0; i < position_.sums.size(); ++i)
      result.train.emplace_back(session_.metric_names()[i],
                                position_.sums[i] / static_cast<double>(data_.train.size()));
    position_.images_done = 0;
    std::ranges::fill(position_.sums, 0.0);
    check_params();
    set_whole_beta();
    if (data_.validation.size() > 0) result.validation = session_.evaluate(data_.validation);
    result.images_per_second = images_per_second();
    if (hooks_.measured) hooks_.measured(result);
    checkpoint();
    if (hooks_.epoch) hooks_.epoch(result);
  }

  void set_whole_beta() {
    if (beta_) session_.set_hyper("beta", *beta_);
  }

  void checkpoint() {
    check_params();
    if (hooks_.checkpoint) hooks_.checkpoint(position_);
    last_checkpoint_ = Clock::now();
  }

  void check_metrics(std::span<const float> values, std::uint64_t step) const {
    std::string found;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!std::isfinite(values[i]))
        found += fmt::format("{}{} is {}", found.empty() ? "" : ", ", session_.metric_names()[i], values[i]);
    if (!found.empty()) fail_diverged(found, step);
  }

  // A step with finite metrics may still leave params that are not finite.
  void check_params() const {
    if (const std::string name = session_.state().first_not_finite(); !name.empty())
      fail_diverged(fmt::format("{} is not finite", name), session_.steps());
  }

  [[noreturn]] void fail_diverged(const std::string& what, std::uint64_t step) const {
    throw Diverged(fmt::format(
        "training diverged at step {} of {}: {}; try a lower learning rate (it is {:g}) or gradient clipping", step,
        steps_, what, session_.options().optimizer.learning_rate));
  }

  double mean_loss() const {
    const auto names = session_.metric_names();
    const auto loss = std::ranges::find(names, "loss");
    const auto sum = position_.sums[static_cast<std::size_t>(loss - names.begin())];
    return sum / static_cast<double>(position_.images_done);
  }

  double images_per_second() const { return seconds_ > 0 ? static_cast<double>(images_) / seconds_ : 0; }

  Session& session_;
  const DatasetSplits& data_;
  const TrainOptions& options_;
  const TrainHooks& hooks_;
  Position position_;
  std::int64_t batch_;
  std::uint64_t steps_per_epoch_;
  std::uint64_t steps_;
  std::optional<double> beta_;        // the final value; empty without a warm-up
  std::int64_t images_ = 0;           // trained on in this call
  double seconds_ = 0;                // of training in this call
  std::vector<std::int64_t> unread_;  // images of each step whose metrics the sums lack
  Clock::time_point last_read_ = Clock::now();
  Clock::time_point last_checkpoint_ = Clock::now();
};

}  // namespace

namespace {

// Checks the sizes of a split's batches: whole ones, and the remainder.
void check_batches(const ir::Graph& entry, std::int64_t batch, const Dataset& split) {
  const std::int64_t whole = split.size() / batch, rest = split.size() % batch;
  const auto check = [&](std::int64_t rows) {
    ir::Bindings bindings;
    for (const std::string& symbol : entry.symbols()) bindings[symbol] = rows;
    ir::bind(entry, bindings);
  };
  if (whole > 0) check(batch);
  if (rest == 0) return;
  try {
    check(rest);
  } catch (const Error& error) {
    fail("{}: its {} samples in batches of {} leave {} for the last batch, but {}; choose another batch size",
         split.name, split.size(), batch, rest, error.what());
  }
}

}  // namespace

void check_fits(const ir::Module& module, std::int64_t batch, const DatasetSplits& data) {
  const ir::Graph& loss = entry_of(module, kLossEntry);
  if (loss.find_input("labels") != ir::kNone) need_classes(data.train, loss.name);
  check_batches(loss, batch, data.train);
  const ir::Graph& test = entry_of(module, evaluated_entry(module));
  check_batches(test, batch, data.validation);
  check_batches(test, batch, data.test);
}

std::int64_t steps_in(std::int64_t samples, std::int64_t batch) { return (samples + batch - 1) / batch; }

double learning_rate(const Schedule& schedule, double base, std::uint64_t step, std::uint64_t steps_per_epoch,
                     std::uint64_t steps) {
  const double warmup = std::round(schedule.warmup_epochs * static_cast<double>(steps_per_epoch));
  const auto now = static_cast<double>(step);
  if (now < warmup) return base * (now + 1) / warmup;
  switch (schedule.kind) {
    case Schedule::Kind::constant:
      return base;
    case Schedule::Kind::cosine: {
      const double rest = std::max(1.0, static_cast<double>(steps) - warmup);
      return base * 0.5 * (1 + std::cos(std::numbers::pi * std::min(1.0, (now - warmup) / rest)));
    }
  }
  return base;
}

double warmed_beta(double warmup_epochs, double base, std::uint64_t step, std::uint64_t steps_per_epoch) {
  const double warmup = std::round(warmup_epochs * static_cast<double>(steps_per_epoch));
  const auto now = static_cast<double>(step);
  return now < warmup ? base * (now + 1) / warmup : base;
}

Outcome train(Session& session, const DatasetSplits& data, const TrainOptions& options, const TrainHooks& hooks,
              Position position) {
  return Trainer(session, data, options, hooks, std::move(position)).run();
}

}  // namespace weft::training
