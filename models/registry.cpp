// The list of models. A new one: its file, and its line here.
#include "models/registry.h"

#include "ir/error.h"
#include "ir/suggest.h"
#include "models/autoencoder.h"
#include "models/vae.h"

namespace weft::models {

const std::vector<Model>& all() {
  static const std::vector<Model> models = {vae(), autoencoder()};
  return models;
}

const Model& find(const std::string& name) {
  std::vector<std::string> names;
  for (const Model& model : all()) {
    if (model.name == name) return model;
    names.push_back(model.name);
  }
  fail("unknown model '{}'{}", name, did_you_mean(name, names));
}

}  // namespace weft::models
