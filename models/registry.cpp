// The models of models.def.
#include "models/registry.h"

#include <string>

#include "ir/error.h"
#include "ir/text/suggest.h"

namespace weft::models {

const std::vector<Model>& all() {
  static const std::vector<Model> models = {
#define WEFT_MODEL(name) name(),
#include "models/models.def"
#undef WEFT_MODEL
  };
  return models;
}

const Model& find(std::string_view name) {
  std::vector<std::string> names;
  for (const Model& model : all()) {
    if (model.name == name) return model;
    names.push_back(model.name);
  }
  fail("unknown model '{}'{}", name, did_you_mean(name, names));
}

}  // namespace weft::models
