// Builds the models of models/ with options, as the command line does.
#pragma once

#include <map>
#include <string>

#include "models/registry.h"

namespace weft::test {

using Options = std::map<std::string, std::string>;

// `options`, overridden by `more`.
inline Options merged(Options options, const Options& more) {
  for (const auto& [name, value] : more) options[name] = value;
  return options;
}

inline ir::Module build_model(const std::string& name, const Options& options) {
  const Model& model = models::find(name);
  Settings settings(model);
  for (const auto& [option, value] : options) settings.set(option, value);
  return build_module(model, settings);
}

}  // namespace weft::test
