// The models that a program knows: the user's own first, then those that come with Weft.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "frontend/model.h"

namespace weft::tools {

class Catalog {
 public:
  // Without `own`: those of Weft alone. One of the same name gives way to `own`.
  explicit Catalog(std::optional<Model> own);

  const std::vector<Model>& models() const { return models_; }
  // What commands take where no model is named; nullptr where there is no such model.
  const Model* fallback() const { return has_own_ ? &models_.front() : nullptr; }
  const Model* find(const std::string& name) const;  // nullptr where there is none
  // An unknown name is a UsageError with the nearest right one.
  const Model& need(const std::string& name) const;
  std::vector<std::string> names() const;

 private:
  std::vector<Model> models_;
  bool has_own_;
};

}  // namespace weft::tools
