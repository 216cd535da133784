// Anomaly detection: a detector that learns from normal samples only.
//
// The score of a sample has two parts. The first is a distance. For a row of a table, it is the Mahalanobis distance
// from the Gaussian of the normal rows, with a ridge so that directions of little variance do not dominate. For an
// image, it is the distance from the third nearest normal image. The second part is the reconstruction error of an
// autoencoder trained on the normal samples, its entry `score`. The score is
//
//   distance / mean distance + error / mean error,
//
// with means over held-out normal samples, so that both parts count equally. The detector uses no anomaly labels.
//
// Both parts take rows of a table whitened by the Gaussian. They take images smoothed and scaled to one length, so that
// the amount of ink and shifts by a pixel do not matter.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "training/data/dataset.h"
#include "training/session.h"
#include "training/stats/gaussian.h"
#include "training/trainer.h"

namespace weft::training {

struct DetectorOptions {
  double ridge = 0.5;             // of the Gaussian, as a share of the mean variance
  std::int64_t steps = 2000;      // of training the autoencoder, for any number of rows
  std::int64_t most = 20'000;     // training rows at most, drawn by the seed
  double quantile = 0.95;         // the threshold: a quantile of held-out normal scores
  std::int64_t held_out_in = 10;  // holds out one training row in this many for the threshold
};

// What the detector learned from the normal samples, besides the weights of the autoencoder.
struct Normality {
  std::optional<Gaussian> gaussian;  // for tables
  runtime::HostTensor bank;          // for images: the smoothed normal images, f32 [N,D]
  double mean_distance = 1;
  double mean_error = 1;
  double threshold = 0;
};

// Scores and their two parts, one value per sample.
struct Scores {
  std::vector<double> total;
  std::vector<double> distance;  // squared
  std::vector<double> error;     // of the autoencoder
};

class Detector {
 public:
  // Trains `session` on `normal`: images or standardised rows of a table.
  Detector(Session& session, const Dataset& normal, const DetectorOptions& options, const TrainHooks& hooks = {});
  Detector(Session& session, Normality normality);

  Scores score(const Dataset& data);

  const Normality& normality() const { return normality_; }
  double threshold() const { return normality_.threshold; }

 private:
  // The input of the model and the distance: f32 [N,D].
  runtime::HostTensor seen(const Dataset& data) const;
  // The two parts without totals; then the totals.
  Scores parts_of(const Dataset& data);
  void add_totals(Scores& scores) const;
  std::vector<double> distances(const runtime::HostTensor& seen) const;
  std::vector<double> errors(const Dataset& data, const runtime::HostTensor& seen);

  Session& session_;
  Normality normality_;
};

// Images as f32 [N,D], smoothed over 3 x 3 pixels and scaled to a root mean square of 1/3.
runtime::HostTensor smoothed(const Dataset& images);

// Columns that scale the table's values to mean 0 and variance 1 over `rows`; constant columns keep their scale.
std::vector<Column> standardising(const std::vector<Column>& columns, const runtime::HostTensor& rows);

// The contribution of each column to the squared distance of a standardised row: D numbers whose sum is the distance.
std::vector<double> contributions(const Gaussian& gaussian, std::span<const float> row);

// The value below which a share `quantile` of `values` lies.
double quantile_of(std::vector<double> values, double quantile);

}  // namespace weft::training
