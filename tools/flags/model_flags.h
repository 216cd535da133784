// The flags that say which model a command works on, with which options: MODEL --hidden 400 --latent 20.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "ir/graph.h"
#include "tools/flags/catalog.h"
#include "tools/flags/flags.h"
#include "training/data/dataset.h"

namespace weft::tools {

// What was chosen: a model built for the sizes of some data, or a module read from a file.
struct Subject {
  std::string name;
  std::map<std::string, std::string> settings;  // the model's options and the data's sizes; empty for a file
  ir::Module module;
};

// The sizes of the data: channels, height, width, classes.
void set_sizes(Settings& settings, const training::Dataset& data);

class ModelFlags {
 public:
  explicit ModelFlags(const Catalog& catalog) : catalog_(catalog) {}

  // MODEL, and each option that a model of the catalog has. The variables stay where they are: so must this object.
  // `what` is what the help says it is.
  void declare(Flags& flags, const std::string& what = "The model");

  // --size CxHxW, for commands that build the model without data.
  void declare_size(Flags& flags);

  bool is_named() const { return !name_.empty(); }
  const std::string& name() const { return name_; }
  // The options that were given, by name.
  std::map<std::string, std::string> given() const;

  // The model named, or the catalog's fallback. UsageError where it is unknown, or none is named and there is no
  // fallback, or an option is given that the model lacks.
  const Model& model() const;

  // Builds the model for pictures of a size: those of `data`, or of --size, or 28 x 28 grey ones. Warns on stderr where
  // its code is larger than the picture.
  Subject build(const training::Dataset* data = nullptr) const;
  // The same; a name that ends in .weft is a file to read.
  Subject build_or_read() const;

 private:
  const Catalog& catalog_;
  std::string name_;
  std::map<std::string, std::optional<std::string>> options_;
  std::optional<std::string> size_;
};

}  // namespace weft::tools
