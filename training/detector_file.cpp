// The numbers of a detector as JSON.
#include "training/detector_file.h"

#include <nlohmann/json.hpp>

#include "ir/error.h"
#include "runtime/atomic_file.h"
#include "training/npy.h"

namespace weft::training {

namespace {

constexpr const char* detector_name = "anomaly.json";
constexpr const char* bank_name = "neighbours.npy";

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
    run.write(bank_name, encode_npy(normality.bank));
  }
  run.write(detector_name, json.dump() + "\n");
}

Detector read_detector(const RunDirectory& run, Session& session) {
  const std::filesystem::path path = run.file(detector_name);
  if (!std::filesystem::exists(path)) fail("{} is missing: train a detector with weft anomaly --out", path.string());
  try {
    const auto json = nlohmann::json::parse(runtime::read_file(path));
    Normality normality{{}, {}, json.at("mean_distance"), json.at("mean_error"), json.at("threshold")};
    if (json.contains("mean"))
      normality.gaussian.emplace(json["mean"], json.at("factor"));
    else
      normality.bank = read_npy(run.file(bank_name));
    return {session, std::move(normality)};
  } catch (const nlohmann::json::exception& error) {
    fail("{}: no detector: {}", path.string(), error.what());
  }
}

}  // namespace weft::training
