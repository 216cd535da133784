// Adds the user's model to the built-in ones.
#include "tools/flags/catalog.h"

#include <algorithm>

#include "ir/text/suggest.h"
#include "models/registry.h"
#include "tools/flags/flags.h"

namespace weft::tools {

Catalog::Catalog(std::optional<Model> own) : has_own_(own.has_value()) {
  if (own) models_.push_back(std::move(*own));
  for (const Model& model : models::all())
    if (!find(model.name)) models_.push_back(model);
}

const Model* Catalog::find(const std::string& name) const {
  const auto found = std::ranges::find(models_, name, &Model::name);
  return found == models_.end() ? nullptr : &*found;
}

const Model& Catalog::need(const std::string& name) const {
  if (const Model* model = find(name)) return *model;
  fail_usage("there is no model '{}'{}", name, did_you_mean(name, names()));
}

std::vector<std::string> Catalog::names() const {
  std::vector<std::string> names;
  for (const Model& model : models_) names.push_back(model.name);
  return names;
}

}  // namespace weft::tools
