// weft reconstruct: draws test images beside a trained model's reconstructions.
#include <filesystem>
#include <optional>

#include "tools/commands/commands.h"
#include "tools/console/console.h"
#include "tools/flags/entries.h"
#include "tools/flags/run_flags.h"
#include "training/data/png.h"
#include "training/runs/illustrate.h"

namespace weft::tools {

namespace {

using training::DatasetSplits;
using training::RunDirectory;
using training::Session;

class Reconstruct final : public Command {
 public:
  explicit Reconstruct(const Catalog& catalog) : catalog_(catalog), run_(catalog) {}

  void declare(Flags& flags) override {
    run_.declare(flags);
    flags.group("Picture");
    flags.add("to", to_, "FILE", "PNG file to write [reconstructions.png in the run's folder]");
    flags.add("count", count_, 1, "Number of images");
  }

  int run() override {
    constexpr std::int64_t most = 10'000;
    if (count_ > most) fail_usage("--count takes at most {}, got {}", most, count_);
    const RunDirectory run = run_.open();
    Session session = run_.load(run);
    need_entry(catalog_, session, "reconstruct", "weft reconstruct");
    const DatasetSplits data = run_.data(run);
    need_images(need_test(data));
    const std::filesystem::path path =
        write_picture(run, to_, "reconstructions.png", picture_reconstructions(session, data.test, count_));
    put("picture: {}\n", path.string());
    return 0;
  }

 private:
  const Catalog& catalog_;
  RunFlags run_;
  std::int64_t count_ = 20;
  std::optional<std::string> to_;
};

}  // namespace

std::unique_ptr<Command> make_reconstruct(const Catalog& catalog) { return std::make_unique<Reconstruct>(catalog); }

}  // namespace weft::tools
