// weft eval, reconstruct, sample, report: what looks at a trained model.
#include <nlohmann/json.hpp>

#include "ir/number.h"
#include "tools/commands.h"
#include "tools/progress.h"
#include "tools/run_flags.h"
#include "training/illustrate.h"
#include "training/png.h"
#include "training/run.h"

namespace weft::tools {

namespace {

using training::DatasetSplits;
using training::RunDirectory;
using training::Session;

const training::Dataset& test_images(const DatasetSplits& data) {
  if (data.test.size() == 0) fail("{} has no test images", data.test.name);
  return data.test;
}

// --- eval ----------------------------------------------------------------------------------------------------------

class Eval final : public Command {
 public:
  explicit Eval(const Catalog& catalog) : run_(catalog) {}

  void declare(Flags& flags) override {
    run_.declare(flags);
    flags.group("Output");
    flags.add("json", json_, "The last line on standard output is one JSON object");
  }

  int run() override {
    const RunDirectory run = run_.open();
    Session session = run_.load(run);
    const DatasetSplits data = run_.data(run);
    const training::Metrics metrics = session.evaluate(test_images(data));
    fmt::print(json_ ? stderr : stdout, "{} on {} test images of {}: {}\n", run.config().model, data.test.size(),
               data.test.name, metrics_text(metrics));
    if (json_) print_json(run, data.test, metrics);
    return 0;
  }

 private:
  static void print_json(const RunDirectory& run, const training::Dataset& test, const training::Metrics& metrics) {
    nlohmann::ordered_json json{{"model", run.config().model},
                                {"data", test.name},
                                {"images", test.size()},
                                {"test", nlohmann::ordered_json::object()}};
    for (const auto& [name, value] : metrics) json["test"][name] = value;
    fmt::print("{}\n", json.dump());
  }

  RunFlags run_;
  bool json_ = false;
};

// --- Pictures ------------------------------------------------------------------------------------------------------

// A command that draws one picture of a run.
class Draw : public Command {
 public:
  Draw(const Catalog& catalog, std::string file, std::int64_t count) : run_(catalog), file_(std::move(file)) {
    count_ = count;
  }

  void declare(Flags& flags) override {
    run_.declare(flags);
    flags.group("Picture");
    flags.add("to", to_, "FILE", fmt::format("The PNG to write [{} in the run's folder]", file_));
    flags.add("count", count_, 1, "Images in it");
  }

  int run() override {
    constexpr std::int64_t most = 10'000;
    if (count_ > most) fail_usage("--count takes at most {}, got {}", most, count_);
    const RunDirectory run = run_.open();
    Session session = run_.load(run);
    const std::filesystem::path path = to_ ? std::filesystem::path(*to_) : run.file(file_);
    training::write_png(path, draw(run, session));
    fmt::print("picture: {}\n", path.string());
    return 0;
  }

 protected:
  virtual training::Picture draw(const RunDirectory& run, Session& session) = 0;

  RunFlags run_;
  std::string file_;
  std::int64_t count_ = 0;
  std::optional<std::string> to_;
};

class Reconstruct final : public Draw {
 public:
  explicit Reconstruct(const Catalog& catalog) : Draw(catalog, "reconstructions.png", 20) {}

 private:
  training::Picture draw(const RunDirectory& run, Session& session) override {
    const DatasetSplits data = run_.data(run);
    return picture_reconstructions(session, test_images(data), count_);
  }
};

class Sample final : public Draw {
 public:
  explicit Sample(const Catalog& catalog) : Draw(catalog, "samples.png", 100) {}

  void declare(Flags& flags) override {
    Draw::declare(flags);
    flags.add("seed", seed_, 0, "Of the draws [the run's]");
  }

 private:
  training::Picture draw(const RunDirectory& run, Session& session) override {
    if (!is_generative(session))
      fail("{} has no prior to draw from: its encoder gives codes, not distributions; try weft reconstruct",
           run.config().model);
    const std::uint64_t seed = seed_ ? static_cast<std::uint64_t>(*seed_) : run.config().session.seed;
    return picture_samples(session, {size(run, "channels"), size(run, "height"), size(run, "width")}, seed, count_);
  }

  // Of the pictures that the model was built for.
  static std::int64_t size(const RunDirectory& run, const char* name) {
    const auto found = run.config().settings.find(name);
    const auto number = found == run.config().settings.end() ? std::nullopt : parse_number<std::int64_t>(found->second);
    if (!number || *number < 1) fail("{} lacks the setting '{}'", run.file("config.json").string(), name);
    return *number;
  }

  std::optional<std::int64_t> seed_;
};

// --- report --------------------------------------------------------------------------------------------------------

class Report final : public Command {
 public:
  explicit Report(const Catalog& catalog) : run_(catalog) {}
  void declare(Flags& flags) override { run_.declare(flags); }

  int run() override {
    const RunDirectory run = run_.open();
    Session session = run_.load(run);
    const DatasetSplits data = run_.data(run);
    write_report(run, session, data);
    fmt::print("report: {}\n", run.file("report.html").string());
    return 0;
  }

 private:
  RunFlags run_;
};

}  // namespace

std::unique_ptr<Command> make_eval(const Catalog& catalog) { return std::make_unique<Eval>(catalog); }
std::unique_ptr<Command> make_reconstruct(const Catalog& catalog) { return std::make_unique<Reconstruct>(catalog); }
std::unique_ptr<Command> make_sample(const Catalog& catalog) { return std::make_unique<Sample>(catalog); }
std::unique_ptr<Command> make_report(const Catalog& catalog) { return std::make_unique<Report>(catalog); }

}  // namespace weft::tools
