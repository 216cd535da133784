// Loads a judge and formats its verdict.
#include "tools/flags/classifier_flags.h"

#include "tools/flags/entries.h"

namespace weft::tools {

void ClassifierFlags::declare(Flags& flags) {
  flags.add(
      "judge", name_, "RUN",
      "Score images with this classifier's run instead of drawing them: the share of confident predictions and the "
      "spread over classes");
}

training::Session ClassifierFlags::load(const RunFlags& run) const {
  training::Session classifier = run.load(run.open(*name_));
  need_entry(catalog_, classifier, "classify", "a judge");
  return classifier;
}

std::string text_of(const training::ClassifierScore& verdict) {
  return fmt::format("{:.2f}% sure (p > {}), class entropy {:.3f} nats", 100 * verdict.sure, training::kSureProbability,
                     verdict.entropy);
}

nlohmann::ordered_json json_of(const training::ClassifierScore& verdict) {
  return {{"sure", verdict.sure}, {"entropy", verdict.entropy}};
}

}  // namespace weft::tools
