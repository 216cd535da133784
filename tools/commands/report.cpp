// weft report: redraws the pictures and the report of a run.
#include "tools/commands/commands.h"
#include "tools/console/console.h"
#include "tools/console/progress.h"
#include "tools/flags/run_flags.h"
#include "training/runs/run.h"

namespace weft::tools {

namespace {

using training::DatasetSplits;
using training::RunDirectory;
using training::Session;

class Report final : public Command {
 public:
  explicit Report(const Catalog& catalog) : run_(catalog) {}
  void declare(Flags& flags) override { run_.declare(flags); }

  int run() override {
    const RunDirectory run = run_.open();
    Session session = run_.load(run);
    const DatasetSplits data = run_.data(run);
    write_report(run, session, data);
    put("report: {}\n", run.file("report.html").string());
    return 0;
  }

 private:
  RunFlags run_;
};

}  // namespace

std::unique_ptr<Command> make_report(const Catalog& catalog) { return std::make_unique<Report>(catalog); }

}  // namespace weft::tools
