// weft sample: decodes random codes to images, to draw them or to score them with a classifier.
#include "ir/text/number.h"
#include "tools/commands/commands.h"
#include "tools/console/console.h"
#include "tools/flags/classifier_flags.h"
#include "tools/flags/entries.h"
#include "tools/flags/run_flags.h"
#include "training/data/png.h"
#include "training/runs/illustrate.h"

namespace weft::tools {

namespace {

using runtime::HostTensor;
using training::Canvas;
using training::Draw;
using training::ImageShape;
using training::RunDirectory;
using training::Session;

constexpr std::int64_t kDrawnCount = 100, kJudgedCount = 10'000;

// A size of the images that the model was built for.
std::int64_t size_of(const RunDirectory& run, const char* name) {
  const auto found = run.config().settings.find(name);
  const auto number = found == run.config().settings.end() ? std::nullopt : parse_number<std::int64_t>(found->second);
  if (!number || *number < 1) fail("{} lacks the setting '{}'", run.file("config.json").string(), name);
  return *number;
}

ImageShape shape_of(const RunDirectory& run) {
  return {size_of(run, "channels"), size_of(run, "height"), size_of(run, "width")};
}

class Sample final : public Command {
 public:
  explicit Sample(const Catalog& catalog) : catalog_(catalog), run_(catalog), judge_(catalog) {}

  void declare(Flags& flags) override {
    run_.declare(flags);
    flags.group("Picture");
    flags.add("to", to_, "FILE", "PNG file to write [samples.png in the run's folder]");
    flags.add("count", count_, 1, fmt::format("Number of images [{}; with --judge {}]", kDrawnCount, kJudgedCount));
    flags.add("seed", seed_, 0, "Seed of the codes [the run's]");
    flags.choose(
        "draw", draw_, {"prior", "normal", "mixture", "box"},
        fmt::format("Draw codes from N(0, I), from one Gaussian or a mixture of {} Gaussians fitted to the data's "
                    "codes, or uniformly from their bounding box [prior, or normal if the model has no "
                    "prior]",
                    training::kMixtureComponents));
    flags.add("beside", beside_, "RUN", "Also draw samples of another run, on the right");
    flags.group("Measure");
    judge_.declare(flags);
    flags.add("json", json_, "Print one JSON object as the last line");
  }

  int run() override {
    const std::int64_t count = count_.value_or(judge_.is_given() ? kJudgedCount : kDrawnCount);
    constexpr std::int64_t most_drawn = 10'000, most_judged = 1'000'000;
    if (const std::int64_t most = judge_.is_given() ? most_judged : most_drawn; count > most)
      fail_usage("--count takes at most {}, got {}", most, count);
    if (judge_.is_given() && beside_) fail_usage("--beside draws and --judge measures; give one");
    const RunDirectory run = run_.open();
    Session session = run_.load(run);
    const Draw draw = draw_of(session);
    const HostTensor samples = sample(run, session, draw, count);
    return judge_.is_given() ? measure(run, samples, draw) : this->draw(run, samples, draw, count);
  }

 private:
  Draw draw_of(const Session& session) const {
    need_entry(catalog_, session, "decode", "weft sample");
    const bool generative = is_generative(session);
    if (!draw_) return generative ? Draw::prior : Draw::normal;
    if (*draw_ == "prior" && !generative)
      fail("{} has no prior to draw from: its encoder is deterministic; try --draw normal, mixture or box",
           session.module().name);
    for (const Draw draw : {Draw::prior, Draw::normal, Draw::mixture})
      if (*draw_ == name_of(draw)) return draw;
    return Draw::box;
  }

  static const char* name_of(Draw draw) {
    switch (draw) {
      case Draw::prior:
        return "prior";
      case Draw::normal:
        return "normal";
      case Draw::mixture:
        return "mixture";
      case Draw::box:
        return "box";
    }
    return "";
  }

  HostTensor sample(const RunDirectory& run, Session& session, Draw draw, std::int64_t count) const {
    const auto seed = seed_ ? static_cast<std::uint64_t>(*seed_) : run.config().session.seed;
    if (draw == Draw::prior) return sample_prior(session, count, seed);
    need_entry(catalog_, session, "encode", fmt::format("--draw {}", name_of(draw)));
    constexpr std::int64_t most_encoded = 10'000;
    const training::DatasetSplits data = run_.data(run);
    const training::Codes codes = encode(session, training::first_of(data.train, most_encoded));
    return decode(session, training::draw_codes(draw, &codes, codes.dims(), count, seed));
  }

  int draw(const RunDirectory& run, const HostTensor& samples, Draw draw, std::int64_t count) const {
    Canvas picture = training::sample_grid(training::image_batch(samples, shape_of(run)));
    if (beside_) {
      std::vector<Canvas> both;
      both.push_back(title(picture, run, draw));
      both.push_back(other_panel(count));
      picture = training::panels(both);
    }
    const std::filesystem::path path = write_picture(run, to_, "samples.png", picture);
    put(json_ ? stderr : stdout, "picture: {}\n", path.string());
    if (json_)
      put_json(nlohmann::ordered_json{{"model", run.config().model},
                                      {"draw", name_of(draw)},
                                      {"pictures", samples.shape[0]},
                                      {"picture", path.string()}});
    return 0;
  }

  static Canvas title(const Canvas& picture, const RunDirectory& run, Draw draw) {
    const char* how = draw == Draw::prior     ? "codes from N(0, I)"
                      : draw == Draw::normal  ? "codes from a Gaussian fitted to the data's"
                      : draw == Draw::mixture ? "codes from a mixture fitted to the data's"
                                              : "codes uniform in the box of the data's";
    return training::titled(picture, fmt::format("{}: {}", run.config().model, how));
  }

  Canvas other_panel(std::int64_t count) const {
    const RunDirectory run = run_.open(*beside_);
    Session session = run_.load(run);
    need_entry(catalog_, session, "decode", "weft sample --beside");
    const Draw draw = is_generative(session) ? Draw::prior : Draw::normal;
    return title(training::sample_grid(training::image_batch(sample(run, session, draw, count), shape_of(run))), run,
                 draw);
  }

  int measure(const RunDirectory& run, const HostTensor& samples, Draw draw) const {
    Session classifier = judge_.load(run_);
    const training::DatasetSplits data = run_.data(run);
    const double accuracy = accuracy_of(classifier, need_test(data));
    const training::ClassifierScore verdict = training::classifier_score(training::classify(classifier, samples));
    std::FILE* file = json_ ? stderr : stdout;
    put(file, "judge: {}, {:.2f}% right on {} test images\n", judge_.name(), 100 * accuracy, data.test.size());
    put(file, "{} samples: {}\n", samples.shape[0], text_of(verdict));
    if (!json_) return 0;
    nlohmann::ordered_json json{{"model", run.config().model},
                                {"judge", judge_.name()},
                                {"judge_accuracy", accuracy},
                                {"draw", name_of(draw)},
                                {"pictures", samples.shape[0]}};
    json.update(json_of(verdict));
    put_json(json);
    return 0;
  }

  const Catalog& catalog_;
  RunFlags run_;
  ClassifierFlags judge_;
  std::optional<std::string> to_, draw_, beside_;
  std::optional<std::int64_t> count_, seed_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_sample(const Catalog& catalog) { return std::make_unique<Sample>(catalog); }

}  // namespace weft::tools
