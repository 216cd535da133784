// weft interpolate: interpolates between two images in the latent space, and in pixels for comparison.
#include "tools/commands/commands.h"
#include "tools/console/console.h"
#include "tools/flags/classifier_flags.h"
#include "tools/flags/entries.h"
#include "tools/flags/run_flags.h"
#include "training/data/png.h"
#include "training/runs/illustrate_latent.h"

namespace weft::tools {

namespace {

using training::Path;
using training::RunDirectory;
using training::Session;

class Interpolate final : public Command {
 public:
  explicit Interpolate(const Catalog& catalog) : catalog_(catalog), run_(catalog), judge_(catalog) {}

  void declare(Flags& flags) override {
    run_.declare(flags);
    flags.group("Interpolation");
    flags.add("from", from_, 0, "Index of the first test image [0]");
    flags.add("to", to_, 0, "Index of the last test image [the next of another class]");
    flags.add("steps", steps_, 2, "Images of the interpolation, both ends included");
    flags.choose("path", path_, {"linear", "spherical"}, "Path through the latent space");
    flags.add("picture", picture_, "FILE", "PNG file to write [interpolation.png in the run's folder]");
    flags.group("Measure");
    judge_.declare(flags);
    flags.add("pairs", pairs_, 1, "Pairs of test images of different classes to score");
    flags.add("seed", seed_, 0, "Seed of the pairs [the run's]");
    flags.add("json", json_, "Print one JSON object as the last line");
  }

  int run() override {
    const RunDirectory run = run_.open();
    Session session = run_.load(run);
    for (const char* entry : {"encode", "decode"}) need_entry(catalog_, session, entry, "weft interpolate");
    const training::DatasetSplits data = run_.data(run);
    const training::Dataset& test = need_test(data);
    return judge_.is_given() ? measure(run, session, test) : draw(run, session, test);
  }

 private:
  Path path() const { return path_ == "linear" ? Path::linear : Path::spherical; }

  int draw(const RunDirectory& run, Session& session, const training::Dataset& test) const {
    need_images(test);
    const std::int64_t from = from_.value_or(0);
    if (from >= test.size()) fail("--from {}: {} has {} test images", from, test.name, test.size());
    const std::int64_t to = to_ ? *to_ : other_class(test, from);
    if (to >= test.size()) fail("--to {}: {} has {} test images", to, test.name, test.size());
    const std::filesystem::path file = write_picture(
        run, picture_, "interpolation.png", picture_interpolations(session, test, {{from, to}}, path(), steps_));
    put(json_ ? stderr : stdout, "picture: {}\n", file.string());
    if (json_)
      put_json(nlohmann::ordered_json{{"model", run.config().model},
                                      {"from", from},
                                      {"to", to},
                                      {"steps", steps_},
                                      {"path", path_},
                                      {"picture", file.string()}});
    return 0;
  }

  static std::int64_t other_class(const training::Dataset& test, std::int64_t from) {
    const auto labels = test.labels.as<std::int32_t>();
    for (std::int64_t step = 1; step < test.size(); ++step) {
      const std::int64_t to = (from + step) % test.size();
      if (labels[static_cast<std::size_t>(to)] != labels[static_cast<std::size_t>(from)]) return to;
    }
    return (from + 1) % test.size();
  }

  int measure(const RunDirectory& run, Session& session, const training::Dataset& test) const {
    Session classifier = judge_.load(run_);
    const double accuracy = accuracy_of(classifier, test);
    const auto seed = seed_ ? static_cast<std::uint64_t>(*seed_) : run.config().session.seed;
    const auto result = score_interpolation(session, classifier, test, path(), pairs_, steps_, seed);
    std::FILE* file = json_ ? stderr : stdout;
    put(file, "judge: {}, {:.2f}% right on {} test images\n", judge_.name(), 100 * accuracy, test.size());
    put(file, "latent: {}\npixels: {}\n", text_of(result.latent), text_of(result.pixel));
    if (json_)
      put_json(nlohmann::ordered_json{{"model", run.config().model},
                                      {"judge", judge_.name()},
                                      {"judge_accuracy", accuracy},
                                      {"pairs", pairs_},
                                      {"steps", steps_},
                                      {"path", path_},
                                      {"pictures", result.images},
                                      {"latent", json_of(result.latent)},
                                      {"pixel", json_of(result.pixel)}});
    return 0;
  }

  const Catalog& catalog_;
  RunFlags run_;
  ClassifierFlags judge_;
  std::optional<std::int64_t> from_, to_, seed_;
  std::int64_t steps_ = 11, pairs_ = 1'000;
  std::string path_ = "linear";
  std::optional<std::string> picture_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_interpolate(const Catalog& catalog) { return std::make_unique<Interpolate>(catalog); }

}  // namespace weft::tools
