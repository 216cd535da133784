// The flags that choose a model and its options: MODEL --hidden 400 --latent 20.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "ir/graph.h"
#include "tools/flags/catalog.h"
#include "tools/flags/flags.h"
#include "training/data/dataset.h"

namespace weft::tools {

// The chosen model, built for the sizes of some data, or a module read from a file.
struct Subject {
  std::string name;
  std::map<std::string, std::string> settings;  // the model's options and data sizes; empty for a file
  ir::Module module;
};

// Sets the sizes of the data: channels, height, width, classes.
void set_sizes(Settings& settings, const training::Dataset& data);

class ModelFlags {
 public:
  explicit ModelFlags(const Catalog& catalog) : catalog_(catalog) {}

  // Declares MODEL and the options of all models in the catalog. The flags bind to this object, so it must not move.
  // `what` describes MODEL in the help.
  void declare(Flags& flags, const std::string& what = "The model");

  // --size CxHxW, for commands that build the model without data.
  void declare_size(Flags& flags);

  bool is_named() const { return !name_.empty(); }
  const std::string& name() const { return name_; }
  // The given options, by name.
  std::map<std::string, std::string> given() const;

  // The named model, or the catalog's fallback. Throws UsageError if the name is unknown or missing without a fallback,
  // or the model lacks a given option.
  const Model& model() const;

  // Builds the model for the image size of `data` or --size, by default 28 x 28 grey images. Warns on stderr if the
  // code is at least as large as an image.
  Subject build(const training::Dataset* data = nullptr) const;
  // The same; reads a file if the name ends in .weft.
  Subject build_or_read() const;

 private:
  const Catalog& catalog_;
  std::string name_;
  std::map<std::string, std::optional<std::string>> options_;
  std::optional<std::string> size_;
};

}  // namespace weft::tools
