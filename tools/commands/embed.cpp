// weft embed: writes a trained model's code of each sample as arrays for other tools.
#include <nlohmann/json.hpp>

#include "tools/commands/commands.h"
#include "tools/console/console.h"
#include "tools/flags/entries.h"
#include "tools/flags/run_flags.h"
#include "training/data/npy.h"

namespace weft::tools {

namespace {

namespace fs = std::filesystem;
using runtime::HostTensor;
using training::RunDirectory;

// The last output of the entry in graph order: for `features`, the last block.
HostTensor codes_of(training::Session& session, const std::string& entry, const training::Dataset& data) {
  runtime::NamedTensors outputs = session.run(entry, data);
  const ir::Graph& graph = *session.module().find(entry);
  const std::string name = entry == "features" ? graph.outputs.back().name : graph.outputs.front().name;
  HostTensor codes = std::move(outputs.at(name));
  codes.shape = {codes.shape[0], codes.elements() / codes.shape[0]};
  return codes;
}

class Embed final : public Command {
 public:
  explicit Embed(const Catalog& catalog) : catalog_(catalog), run_(catalog) {}

  void declare(Flags& flags) override {
    run_.declare(flags);
    flags.group("Codes");
    flags.choose("split", split_, {"train", "validation", "test"}, "Samples to encode");
    flags.choose(
        "entry", entry_, {"encode", "project", "features"},
        "Output to take: the code, the projection that a contrastive loss compares, or the encoder's last block");
    flags.add("to,o", to_, "FILE", "The .npy file to write; labels go to FILE_labels.npy [codes.npy in the run]");
    flags.add("json", json_, "Print one JSON object as the last line");
  }

  int run() override {
    const RunDirectory run = run_.open();
    training::Session session = run_.load(run);
    need_entry(catalog_, session, entry_, "weft embed" + (entry_ == "encode" ? "" : " --entry " + entry_));
    const training::DatasetSplits data = run_.data(run);
    const training::Dataset& samples = split_ == "test" ? data.test : split_ == "train" ? data.train : data.validation;
    if (samples.size() == 0) fail("{} has no {} samples", data.train.name, split_);
    const HostTensor codes = codes_of(session, entry_, samples);
    const fs::path path = to_ ? fs::path(*to_) : run.file("codes.npy");
    const fs::path labels = path.parent_path() / (path.stem().string() + "_labels.npy");
    if (to_) {
      training::write_npy(path, codes);
      training::write_npy(labels, samples.labels);
    } else {
      for (const auto& [file, tensor] : {std::pair(path, &codes), std::pair(labels, &samples.labels)})
        run.write(file.filename().string(), training::encode_npy(*tensor));
    }
    put(json_ ? stderr : stdout, "codes: {} {}\nlabels: {}\n", path.string(), to_string(codes), labels.string());
    if (json_)
      put_json(nlohmann::ordered_json{{"model", run.config().model},
                                      {"data", samples.name},
                                      {"split", split_},
                                      {"codes", path.string()},
                                      {"labels", labels.string()},
                                      {"shape", codes.shape}});
    return 0;
  }

 private:
  const Catalog& catalog_;
  RunFlags run_;
  std::string split_ = "test", entry_ = "encode";
  std::optional<std::string> to_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_embed(const Catalog& catalog) { return std::make_unique<Embed>(catalog); }

}  // namespace weft::tools
