// weft eval: measures a trained model on the test images.
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/clock.h"
#include "tools/commands/commands.h"
#include "tools/console/console.h"
#include "tools/console/progress.h"
#include "tools/flags/entries.h"
#include "tools/flags/run_flags.h"
#include "training/evaluation/codes.h"
#include "training/evaluation/iwae.h"

namespace weft::tools {

namespace {

using training::DatasetSplits;
using training::RunDirectory;
using training::Session;

class Eval final : public Command {
 public:
  explicit Eval(const Catalog& catalog) : catalog_(catalog), run_(catalog) {}

  void declare(Flags& flags) override {
    run_.declare(flags);
    flags.group("Measure");
    flags.add("limit", limit_, 1, "Measure the first N test images only");
    flags.add("iwae", iwae_, 1, "Estimate log p(x) with N importance samples per image");
    flags.group("Output");
    flags.add("json", json_, "Print one JSON object as the last line");
  }

  int run() override {
    const RunDirectory run = run_.open();
    Session session = run_.load(run);
    if (iwae_) need_entry(catalog_, session, "log_weight", "--iwae");
    const DatasetSplits data = run_.data(run);
    const training::Dataset test = training::first_of(need_test(data), limit_.value_or(data.test.size()));
    const training::Metrics metrics = session.evaluate(test);
    std::FILE* file = json_ ? stderr : stdout;
    put(file, "{} on {} test images of {}: {}\n", run.config().model, test.size(), test.name, metrics_text(metrics));
    const double nll = iwae_ ? estimate(run, test) : 0;
    if (iwae_) put(file, "-log p(x) <= {:.3f} nats, from {} importance samples per image\n", nll, *iwae_);
    if (json_) print_json(run, test, metrics, nll);
    if (const std::string what = training::nonfinite_of(metrics); !what.empty())
      fail("{} on {}: {}: the model diverged, or it was trained for other images", run.config().model, test.name, what);
    return 0;
  }

 private:
  static constexpr std::int64_t iwae_batch = 1'000;

  // Uses a separate session with large batches. Prints progress every few seconds, because it may take minutes.
  double estimate(const RunDirectory& run, const training::Dataset& test) const {
    Session session = run_.load(run, iwae_batch);
    constexpr std::chrono::seconds pause{5};
    Clock::time_point last = Clock::now();
    return iwae_nll(session, test, *iwae_, [&](std::int64_t done) {
      if (Clock::now() - last < pause) return;
      last = Clock::now();
      put(stderr, "{} of {} samples per image\n", done, *iwae_);
    });
  }

  void print_json(const RunDirectory& run, const training::Dataset& test, const training::Metrics& metrics,
                  double nll) const {
    nlohmann::ordered_json json{{"model", run.config().model},
                                {"data", test.name},
                                {"images", test.size()},
                                {"test", nlohmann::ordered_json::object()}};
    for (const auto& [name, value] : metrics) json["test"][name] = value;
    if (iwae_) json["iwae"] = {{"samples", *iwae_}, {"nll", nll}};
    put_json(json);
  }

  const Catalog& catalog_;
  RunFlags run_;
  std::optional<std::int64_t> limit_, iwae_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_eval(const Catalog& catalog) { return std::make_unique<Eval>(catalog); }

}  // namespace weft::tools
