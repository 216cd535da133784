// Finding what is strange among the normal: a detector that learns from normal rows alone.
//
// Two views of a sample are joined. One is its distance from the normal ones: of a row of a table the Mahalanobis
// distance from their Gaussian, with a ridge so that directions of little variance are not blown up; of a picture the
// distance from the third nearest of them. The other is the error of an autoencoder trained on them, its entry `score`:
// how far the sample lies from where the autoencoder takes it. The score of a sample is
//
//   distance / mean distance + error / mean error,
//
// the means those of held-out normal samples, so that both views count alike. No label of an anomaly is used anywhere.
//
// Both views see a row of a table whitened by the Gaussian, and a picture smoothed and brought to one length: how much
// ink it has says nothing then, nor does a pixel's shift.
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
  std::int64_t steps = 2000;      // of training the autoencoder, whatever the number of rows
  std::int64_t most = 20'000;     // training rows; of more, so many are drawn by the seed
  double quantile = 0.95;         // of the scores of held-out normal rows: the threshold
  std::int64_t held_out_in = 10;  // one training row in so many is held out for the threshold
};

// What was learnt of the normal samples, beside the weights of the autoencoder.
struct Normality {
  std::optional<Gaussian> gaussian;  // of a table
  runtime::HostTensor bank;          // of pictures: the smoothed ones, f32 [N,D]
  double mean_distance = 1;
  double mean_error = 1;
  double threshold = 0;
};

// What scores are made of. One a sample.
struct Scores {
  std::vector<double> total;
  std::vector<double> distance;  // squared
  std::vector<double> error;     // of the autoencoder
};

class Detector {
 public:
  // Trains `session` on `normal`, pictures or standardised rows of a table.
  Detector(Session& session, const Dataset& normal, const DetectorOptions& options, const TrainHooks& hooks = {});
  Detector(Session& session, Normality normality);

  Scores score(const Dataset& data);

  const Normality& normality() const { return normality_; }
  double threshold() const { return normality_.threshold; }

 private:
  // What the model and the distance look at: f32 [N,D].
  runtime::HostTensor seen(const Dataset& data) const;
  // The two views, without totals; and the totals of those.
  Scores views_of(const Dataset& data);
  void add_totals(Scores& scores) const;
  std::vector<double> distances(const runtime::HostTensor& seen) const;
  std::vector<double> errors(const Dataset& data, const runtime::HostTensor& seen);

  Session& session_;
  Normality normality_;
};

// Pictures as f32 [N,D]: smoothed over 3 x 3 pixels, and scaled so that the root mean square of the numbers is 1/3.
runtime::HostTensor smoothed(const Dataset& images);

// Columns that standardise the table's values: mean 0 and variance 1 over `rows`; a column that never changes is left.
std::vector<Column> standardising(const std::vector<Column>& columns, const runtime::HostTensor& rows);

// How much each column adds to the squared distance of a standardised row: D numbers that add up to it.
std::vector<double> contributions(const Gaussian& gaussian, std::span<const float> row);

// The value below which a share `quantile` of `values` lies.
double quantile_of(std::vector<double> values, double quantile);

}  // namespace weft::training
