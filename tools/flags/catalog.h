// The models that a program knows: the user's own first, then the built-in ones.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "frontend/model.h"

namespace weft::tools {

class Catalog {
 public:
  // Without `own`: only built-in models. `own` replaces a built-in model of the same name.
  explicit Catalog(std::optional<Model> own);

  const std::vector<Model>& models() const { return models_; }
  // The default model of commands; nullptr if there is none.
  const Model* fallback() const { return has_own_ ? &models_.front() : nullptr; }
  const Model* find(const std::string& name) const;  // nullptr if there is none
  // Throws UsageError with the nearest name for an unknown name.
  const Model& need(const std::string& name) const;
  std::vector<std::string> names() const;

 private:
  std::vector<Model> models_;
  bool has_own_;
};

}  // namespace weft::tools
