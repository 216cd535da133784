// weft models: lists the models, and the options of each.
#include "tools/commands/commands.h"
#include "tools/console/console.h"

namespace weft::tools {

namespace {

class Models final : public Command {
 public:
  explicit Models(const Catalog& catalog) : catalog_(catalog) {}

  void declare(Flags& flags) override { flags.positional("MODEL", name_, "Show only this model"); }

  int run() override {
    if (name_.empty())
      for (const Model& model : catalog_.models()) print(model);
    else
      print(catalog_.need(name_));
    return 0;
  }

 private:
  static void print(const Model& model) {
    put("{}: {}\n", model.name, model.summary);
    for (const Option& option : model.options)
      put("  {:<24} {}\n", fmt::format("--{} {}", option.name, option.fallback), option.doc);
  }

  const Catalog& catalog_;
  std::string name_;
};

}  // namespace

std::unique_ptr<Command> make_models(const Catalog& catalog) { return std::make_unique<Models>(catalog); }

}  // namespace weft::tools
