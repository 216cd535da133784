// Areas under curves, Gaussians and detectors, against values known by hand.
#include "training/evaluation/roc.h"

#include <doctest/doctest.h>

#include <cmath>

#include "runtime/rng.h"
#include "tests/support/temp_folder.h"
#include "training/evaluation/anomaly.h"
#include "training/stats/gaussian.h"

namespace weft::training {
namespace {

using runtime::HostTensor;

TEST_CASE("ranking: areas of small rankings") {
  const std::vector<std::int32_t> positive{0, 0, 1, 1};
  CHECK(auroc(std::vector<double>{1, 2, 3, 4}, positive) == doctest::Approx(1));
  CHECK(auroc(std::vector<double>{4, 3, 2, 1}, positive) == doctest::Approx(0));
  CHECK(auroc(std::vector<double>{.1, .4, .35, .8}, positive) == doctest::Approx(.75));
  CHECK(auprc(std::vector<double>{.1, .4, .35, .8}, positive) == doctest::Approx(.5 + .5 * 2 / 3));
  CHECK(auroc(std::vector<double>{1, 1, 1, 1}, positive) == doctest::Approx(.5));
  CHECK(auprc(std::vector<double>{1, 1, 1, 1}, positive) == doctest::Approx(.5));
}

TEST_CASE("ranking: AUROC with ties is the formula over ranks") {
  std::vector<double> scores;
  std::vector<std::int32_t> positive;
  for (std::uint32_t i = 0; i < 200; ++i) {
    const auto block = runtime::random_block({3, 0, 0}, i);
    positive.push_back(block[0] % 4 == 0);
    scores.push_back(static_cast<double>(block[1] % 10) + 2 * positive.back());
  }
  double sum = 0, n1 = 0;  // of the positives' ranks, each the mean over its ties
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (positive[i] == 0) continue;
    double below = 0, equal = 0;
    for (const double other : scores) {
      below += other < scores[i];
      equal += other == scores[i];
    }
    sum += below + (equal + 1) / 2;
    ++n1;
  }
  const double n0 = static_cast<double>(scores.size()) - n1;
  CHECK(auroc(scores, positive) == doctest::Approx((sum - n1 * (n1 + 1) / 2) / (n1 * n0)));
}

TEST_CASE("ranking: bad input") {
  const std::vector<std::int32_t> none{0, 0}, some{0, 1};
  CHECK_ERROR(auroc(std::vector<double>{1, 2}, none), "needs anomalies and normal samples");
  CHECK_ERROR(auroc(std::vector<double>{1}, some), "1 scores for 2 samples");
  CHECK_ERROR(auprc(std::vector<double>{1, std::nan("")}, some), "a score is NaN");
}

// Rows (a, a + b, 3) of independent normals a, b.
HostTensor sheared(std::int64_t count, std::uint64_t seed) {
  HostTensor rows = HostTensor::zeros(ir::DType::f32, {count, 3});
  const auto values = rows.as<float>();
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const float a = runtime::normal({seed, 0, 0}, static_cast<std::uint32_t>(2 * i));
    const float b = runtime::normal({seed, 0, 0}, static_cast<std::uint32_t>(2 * i + 1));
    values[3 * i] = a;
    values[3 * i + 1] = a + b;
    values[3 * i + 2] = 3;
  }
  return rows;
}

TEST_CASE("gaussian: whitened rows are uncorrelated with variance 1") {
  const HostTensor rows = sheared(4000, 1);
  const HostTensor white = Gaussian(rows, 0).whiten(rows);
  const std::vector<double> covariance = covariance_of(white, mean_of(white));
  CHECK(covariance[0] == doctest::Approx(1).epsilon(1e-4));
  CHECK(covariance[4] == doctest::Approx(1).epsilon(1e-4));
  CHECK(std::abs(covariance[1]) < 1e-4);
}

TEST_CASE("gaussian: contributions add up to the squared distance") {
  const Gaussian gaussian(sheared(500, 1), .5);
  const std::vector<float> row{1, -2, 3.5F};
  double sum = 0;
  for (const double part : contributions(gaussian, row)) sum += part;
  const HostTensor one = HostTensor::of<float>(row, {1, 3});
  CHECK(sum == doctest::Approx(squared_lengths(gaussian.whiten(one))[0]).epsilon(1e-5));
}

TEST_CASE("gaussian: eigenvectors, largest first, and what principal components leave over") {
  const std::vector<double> vectors =
      leading_directions(std::vector<double>{2, 1, 1, 2}, 2, 2);  // 3 along (1,1), 1 along (1,-1)
  CHECK(std::abs(vectors[0]) == doctest::Approx(std::sqrt(.5)));
  CHECK(vectors[0] == doctest::Approx(vectors[1]));
  CHECK(vectors[2] == doctest::Approx(-vectors[3]));
  const HostTensor rows = sheared(500, 2);
  const std::int64_t counts[] = {1, 2, 8};
  const auto residuals = component_residuals(rows, rows, counts);
  REQUIRE(residuals.size() == 2);  // there are no 8 columns
  CHECK(residuals[0][7] >= residuals[1][7]);
  CHECK(residuals[1][7] < 1e-9);  // the third column never changes
}

TEST_CASE("largest_of: the largest first, and no more than there are") {
  const std::vector<double> scores = {0.5, 3, -1, 2};
  CHECK(largest_of(scores, 2) == std::vector<std::int64_t>{1, 3});
  CHECK(largest_of(scores, 9) == std::vector<std::int64_t>{1, 3, 0, 2});
  CHECK(largest_of({}, 3).empty());
}

TEST_CASE("anomaly: standardised columns and quantiles") {
  const HostTensor rows = HostTensor::of<float>(std::vector<float>{0, 5, 1, 5}, {2, 2});
  const std::vector<Column> columns = standardising({{"a", 10, .5}, {"b", 0, 1}}, rows);
  CHECK(columns[0] == Column{"a", 11, 1});  // the value 10 was 0 and becomes -1, 12 was 1 and becomes 1
  CHECK(columns[1] == Column{"b", 5, 1});
  CHECK(quantile_of({5, 1, 4, 2, 3}, .5) == 3);
  CHECK(quantile_of({5, 1, 4, 2, 3}, 1) == 5);
}

}  // namespace
}  // namespace weft::training
