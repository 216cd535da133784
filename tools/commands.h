// The commands of `weft`: what each is called and what it does, and the functions that make them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tools/catalog.h"
#include "tools/flags.h"

namespace weft::tools {

struct CommandInfo {
  std::string name;
  std::string summary;
  std::unique_ptr<Command> (*make)(const Catalog&);
};

// In the order of the help. A new command: its file, its function below, its row.
const std::vector<CommandInfo>& all_commands();

// Those of a run: train.cpp, and look.cpp for what looks at a trained model.
std::unique_ptr<Command> make_train(const Catalog& catalog);
std::unique_ptr<Command> make_eval(const Catalog& catalog);
std::unique_ptr<Command> make_reconstruct(const Catalog& catalog);
std::unique_ptr<Command> make_report(const Catalog& catalog);
std::unique_ptr<Command> make_anomaly(const Catalog& catalog);
// Applications of a trained model, each in the file of its name.
std::unique_ptr<Command> make_sample(const Catalog& catalog);
std::unique_ptr<Command> make_interpolate(const Catalog& catalog);
std::unique_ptr<Command> make_embed(const Catalog& catalog);
std::unique_ptr<Command> make_latent(const Catalog& catalog);
std::unique_ptr<Command> make_probe(const Catalog& catalog);
std::unique_ptr<Command> make_finetune(const Catalog& catalog);
// Those of the compiler, each in the file of its name.
std::unique_ptr<Command> make_compile(const Catalog& catalog);  // where the backend cpu is built
std::unique_ptr<Command> make_export(const Catalog& catalog);
std::unique_ptr<Command> make_dump(const Catalog& catalog);
std::unique_ptr<Command> make_opt(const Catalog& catalog);
std::unique_ptr<Command> make_plan(const Catalog& catalog);
std::unique_ptr<Command> make_bench(const Catalog& catalog);
// What there is: models.cpp, doctor.cpp.
std::unique_ptr<Command> make_models(const Catalog& catalog);
std::unique_ptr<Command> make_doctor(const Catalog& catalog);

}  // namespace weft::tools
