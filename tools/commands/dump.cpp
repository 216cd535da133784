// weft dump: prints a model at a stage of the compiler.
#include "tools/bench/stages.h"
#include "tools/commands/commands.h"
#include "tools/console/console.h"
#include "tools/console/notes.h"
#include "tools/flags/model_flags.h"
#include "tools/flags/train_flags.h"

namespace weft::tools {

namespace {

class Dump final : public Command {
 public:
  explicit Dump(const Catalog& catalog) : model_(catalog) {}

  void declare(Flags& flags) override {
    flags.group("Dump");
    flags.choose("stage", stage_, stage_names(), "Stage to print");
    flags.add("entry", options_.entry, "NAME", "Entry of the model, such as encode, instead of the training step");
    flags.add("batch", options_.batch, 1, "Images per step, for the stages from `fused` on");
    flags.choose("precision", precision_, precision_names(),
                 "Precision of matmuls and convolutions in the stages fused, planned and cuda [f32]");
    flags.add("notes", notes_, "Print the passes' notes to standard error: rewrites, and fusions that did not happen");
    optimizer_.declare(flags);
    passes_.declare(flags);
    model_.declare_size(flags);
    model_.declare(flags);
  }

  int run() override {
    const Subject subject = model_.build_or_read();
    options_.optimizer = optimizer_.apply(options_.optimizer);
    options_ = passes_.apply(options_);
    if (precision_) options_.precision = parse_precision(*precision_);
    std::vector<passes::Note> notes;
    put_text(stdout, dump_stage(subject.module, stage_, options_, notes));
    if (notes_) print_notes(notes);
    return 0;
  }

 private:
  ModelFlags model_;
  OptimizerFlags optimizer_;
  PassFlags passes_;
  std::string stage_ = "fused";
  std::optional<std::string> precision_;
  StageOptions options_;
  bool notes_ = false;
};

}  // namespace

std::unique_ptr<Command> make_dump(const Catalog& catalog) { return std::make_unique<Dump>(catalog); }

}  // namespace weft::tools
