// The classifier that --judge names.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tools/flags/run_flags.h"
#include "training/evaluation/classifier_score.h"

namespace weft::tools {

class ClassifierFlags {
 public:
  explicit ClassifierFlags(const Catalog& catalog) : catalog_(catalog) {}
  void declare(Flags& flags);

  bool is_given() const { return name_.has_value(); }
  const std::string& name() const { return *name_; }
  // The classifier's session, with the backend and threads of `run`. Throws Error if it is not a classifier.
  training::Session load(const RunFlags& run) const;

 private:
  const Catalog& catalog_;
  std::optional<std::string> name_;
};

// "91.2% sure (p > 0.9), class entropy 2.281 nats"
std::string text_of(const training::ClassifierScore& verdict);
nlohmann::ordered_json json_of(const training::ClassifierScore& verdict);

}  // namespace weft::tools
