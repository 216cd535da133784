// weft latent: draws and measures a trained model's latent space and its units.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tools/commands/commands.h"
#include "tools/console/console.h"
#include "tools/flags/entries.h"
#include "tools/flags/run_flags.h"
#include "training/data/png.h"
#include "training/runs/illustrate_latent.h"
#include "training/stats/tsne.h"

namespace weft::tools {

namespace {

namespace fs = std::filesystem;
using training::Canvas;
using training::Codes;
using training::LatentStatistics;
using training::RunDirectory;

class Latent final : public Command {
 public:
  explicit Latent(const Catalog& catalog) : catalog_(catalog), run_(catalog) {}

  void declare(Flags& flags) override {
    run_.declare(flags);
    flags.group("Pictures");
    flags.add("to", to_, "DIR", "Folder of the images [the run's]");
    flags.add("tsne", tsne_, "Also draw maps.png, PCA and t-SNE: takes seconds per thousand points");
    flags.add("points", points_, 4, "Test samples for t-SNE: the first N");
    flags.add("image", image_, 0, "Index of the test image whose code the traversals vary");
    flags.add("json", json_, "Print one JSON object as the last line");
  }

  int run() override {
    if (points_ > training::kMaxTsnePoints)
      fail_usage("--points takes at most {}: t-SNE compares every pair; got {}", training::kMaxTsnePoints, points_);
    const RunDirectory run = run_.open();
    training::Session session = run_.load(run);
    need_entry(catalog_, session, "encode", "weft latent");
    const training::DatasetSplits data = run_.data(run);
    const training::Dataset& test = need_test(data);
    if (image_ >= test.size()) fail("--image {}: {} has {} test samples", image_, test.name, test.size());

    const Codes codes = encode(session, test);
    const LatentStatistics statistics =
        training::latent_statistics(codes.latent.as<float>(), codes.logvar.as<float>(), codes.dims());
    print(json_ ? stderr : stdout, statistics);
    draw(run, session, codes, statistics, test);
    if (json_) print_json(run, test, statistics);
    for (std::size_t unit = 0; unit < statistics.units.size(); ++unit)
      if (const training::UnitStatistics& each = statistics.units[unit];
          !std::isfinite(each.mean) || !std::isfinite(each.variance) || !std::isfinite(each.kl))
        fail("unit z{} of the codes is not finite: mean {}, variance {}, KL {}: the model diverged", unit + 1,
             each.mean, each.variance, each.kl);
    return 0;
  }

 private:
  static void print(std::FILE* file, const LatentStatistics& statistics) {
    const bool has_posterior = statistics.has_posterior;
    if (has_posterior)
      put(file, "{} of {} units are active, KL to the prior {:.3f} nats\n", statistics.active(),
          statistics.units.size(), statistics.kl());
    else
      put(file, "{} units; the code is deterministic, so there is no KL\n", statistics.units.size());
    put(file, "{:>6} {:>9} {:>9}", "unit", "mean", "variance");
    put(file, "{}\n", has_posterior ? fmt::format(" {:>13} {:>8}", "var of E[z|x]", "KL") : "");
    constexpr std::size_t most_rows = 64;
    std::vector<std::int64_t> order = statistics.by_weight();
    const std::size_t hidden = order.size() - std::min(order.size(), most_rows);
    order.resize(order.size() - hidden);
    for (const std::int64_t unit : order) {
      const training::UnitStatistics& each = statistics.units[static_cast<std::size_t>(unit)];
      put(file, "{:>6} {:>9.3f} {:>9.3f}", fmt::format("z{}", unit + 1), each.mean, each.variance);
      if (has_posterior)
        put(file, " {:>13.4f} {:>8.3f}{}", each.mean_variance, each.kl, each.active ? "" : "  inactive");
      put(file, "\n");
    }
    if (hidden > 0) put(file, "and {} more, less informative\n", hidden);
    if (const std::string warning = statistics.collapse_warning(); !warning.empty()) warn("{}", warning);
  }

  void draw(const RunDirectory& run, training::Session& session, const Codes& codes, const LatentStatistics& statistics,
            const training::Dataset& test) const {
    const auto write = [&](const char* file, const Canvas& picture) {
      const std::optional<std::string> to = to_ ? std::optional((fs::path(*to_) / file).string()) : std::nullopt;
      put(json_ ? stderr : stdout, "picture: {}\n", write_picture(run, to, file, picture).string());
    };
    constexpr std::int64_t most_mapped = 5'000;
    const auto map_of = [&](std::int64_t count, const auto& picture) {
      const training::Dataset first = training::first_of(test, count);
      return picture(training::first_of(codes, first.size()), first);
    };
    write("latent.png", map_of(most_mapped, training::picture_latent));
    write("units.png", picture_units(codes, statistics, session.options().seed));
    if (tsne_) write("maps.png", map_of(points_, training::picture_maps));
    if (!session.has("decode") || test.is_table()) return;
    write("traversals.png", picture_traversals(session, statistics, codes.row(image_), image_shape(test)));
    if (codes.dims() == 2) write("plane.png", picture_plane(session, codes, image_shape(test)));
  }

  static void print_json(const RunDirectory& run, const training::Dataset& test, const LatentStatistics& statistics) {
    nlohmann::ordered_json json{{"model", run.config().model},
                                {"data", test.name},
                                {"samples", test.size()},
                                {"units", statistics.units.size()},
                                {"active_units", statistics.active()}};
    if (statistics.has_posterior) json["kl"] = statistics.kl();
    if (statistics.has_posterior) json["collapsed"] = !statistics.collapse_warning().empty();
    json["unit"] = nlohmann::ordered_json::array();
    for (const training::UnitStatistics& each : statistics.units) {
      nlohmann::ordered_json unit{{"mean", each.mean},
                                  {"variance", each.variance},
                                  {"mean_variance", each.mean_variance},
                                  {"active", each.active}};
      if (statistics.has_posterior) unit["kl"] = each.kl;
      json["unit"].push_back(std::move(unit));
    }
    put_json(json);
  }

  const Catalog& catalog_;
  RunFlags run_;
  std::optional<std::string> to_;
  bool tsne_ = false, json_ = false;
  std::int64_t points_ = 2'000, image_ = 0;
};

}  // namespace

std::unique_ptr<Command> make_latent(const Catalog& catalog) { return std::make_unique<Latent>(catalog); }

}  // namespace weft::tools
