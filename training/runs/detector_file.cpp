// Stores a detector as JSON.
#include "training/runs/detector_file.h"

#include "ir/error.h"
#include "runtime/atomic_file.h"
#include "runtime/json_text.h"
#include "training/data/npy.h"

namespace weft::training {

namespace {

constexpr const char* kDetectorName = "anomaly.json";
constexpr const char* kBankName = "neighbours.npy";

}  // namespace

void write_detector(const RunDirectory& run, const Detector& detector) {
  const Normality& normality = detector.normality();
  nlohmann::ordered_json json{{"threshold", normality.threshold},
                              {"mean_distance", normality.mean_distance},
                              {"mean_error", normality.mean_error}};
  if (normality.gaussian) {
    json["mean"] = normality.gaussian->mean();
    json["factor"] = normality.gaussian->factor();
  } else {
    run.write(kBankName, encode_npy(normality.bank));
  }
  run.write(kDetectorName, json.dump() + "\n");
}

Normality read_normality(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) fail("{} is missing: train a detector with weft anomaly --out", path.string());
  try {
    using runtime::json_member, std::vector;
    const auto json = runtime::parse_json<nlohmann::json>(runtime::read_file(path));
    Normality normality{{},
                        {},
                        json_member<double>(json, "mean_distance"),
                        json_member<double>(json, "mean_error"),
                        json_member<double>(json, "threshold")};
    if (json.contains("mean"))
      normality.gaussian.emplace(json_member<vector<double>>(json, "mean"),
                                 json_member<vector<double>>(json, "factor"));
    else
      normality.bank = read_npy(path.parent_path() / kBankName);
    return normality;
  } catch (const Error& error) {
    fail("{}: not a detector: {}", path.string(), error.what());
  }
}

Detector read_detector(const RunDirectory& run, Session& session) {
  return {session, read_normality(run.file(kDetectorName))};
}

}  // namespace weft::training
