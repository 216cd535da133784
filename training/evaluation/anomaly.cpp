// Fits and applies a detector.
#include "training/evaluation/anomaly.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "ir/error.h"
#include "training/evaluation/codes.h"
#include "training/stats/matmul.h"

namespace weft::training {

using runtime::HostTensor;

namespace {

double mean_over(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

Dataset at_most(const Dataset& data, std::int64_t most, std::uint64_t seed) {
  if (data.size() <= most) return data;
  std::vector<std::int64_t> drawn = shuffled_indices(data.size(), seed);
  drawn.resize(static_cast<std::size_t>(most));
  return take(data, drawn);
}

}  // namespace

double quantile_of(std::vector<double> values, double quantile) {
  check(!values.empty(), "a quantile needs values");
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(std::lround(quantile * static_cast<double>(values.size() - 1)))];
}

std::vector<Column> standardising(const std::vector<Column>& columns, const HostTensor& rows) {
  const std::vector<double> mean = mean_of(rows);
  std::vector<double> squares(mean.size(), 0.0);
  const auto values = rows.as<float>();
  for (std::size_t i = 0; i < values.size(); ++i)
    squares[i % mean.size()] += (values[i] - mean[i % mean.size()]) * (values[i] - mean[i % mean.size()]);
  std::vector<Column> result = columns;
  for (std::size_t i = 0; i < result.size(); ++i) {
    const double deviation = std::sqrt(squares[i] / static_cast<double>(rows.shape[0]));
    result[i].offset += mean[i] / columns[i].scale;
    if (deviation > 0) result[i].scale /= deviation;
  }
  return result;
}

std::vector<double> contributions(const Gaussian& gaussian, std::span<const float> row) {
  // In the distance d' C^-1 d, a column contributes its d times its entry of C^-1 d = L^-T (L^-1 d).
  const auto width = static_cast<std::size_t>(gaussian.columns());
  const std::vector<double>& factor = gaussian.factor();
  const HostTensor white = gaussian.whiten(HostTensor::of<float>(row, {1, gaussian.columns()}));
  const auto w = white.as<float>();
  std::vector<double> solved(w.begin(), w.end());
  for (std::size_t i = width; i-- > 0;) {
    for (std::size_t j = i + 1; j < width; ++j) solved[i] -= factor[j * width + i] * solved[j];
    solved[i] /= factor[i * width + i];
  }
  for (std::size_t i = 0; i < width; ++i) solved[i] *= row[i] - gaussian.mean()[i];
  return solved;
}

HostTensor smoothed(const Dataset& images) {
  constexpr float weights[3] = {0.25F, 0.5F, 0.25F};
  const auto& shape = images.samples.shape;
  check(shape.size() == 4, "images are [N,C,H,W]");
  const HostTensor levels = as_rows(images);
  HostTensor result = HostTensor::zeros(ir::DType::f32, levels.shape);
  const auto from = levels.as<float>();
  const auto to = result.as<float>();
  const std::int64_t height = shape[2], width = shape[3];
  const auto plane = static_cast<std::size_t>(height * width), size = static_cast<std::size_t>(levels.shape[1]);
  for (std::size_t begin = 0; begin < from.size(); begin += plane) {
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) {
        float sum = 0;
        for (std::int64_t dy = -1; dy <= 1; ++dy)
          for (std::int64_t dx = -1; dx <= 1; ++dx)
            if (y + dy >= 0 && y + dy < height && x + dx >= 0 && x + dx < width)
              sum +=
                  weights[dy + 1] * weights[dx + 1] * from[begin + static_cast<std::size_t>((y + dy) * width + x + dx)];
        to[begin + static_cast<std::size_t>(y * width + x)] = sum;
      }
    }
  }
  for (std::size_t begin = 0; begin < to.size(); begin += size) {
    double squares = 1e-9;
    for (std::size_t i = 0; i < size; ++i) squares += double{to[begin + i]} * to[begin + i];
    const auto scale = static_cast<float>(std::sqrt(static_cast<double>(size) / squares) / 3);
    for (std::size_t i = 0; i < size; ++i) to[begin + i] *= scale;
  }
  return result;
}

namespace {

// The squared distance of each row from the third nearest row of `bank`. All rows have the same length.
std::vector<double> neighbour_distances(const HostTensor& bank, const HostTensor& rows, const SessionOptions& options) {
  constexpr std::int64_t nearest = 3;
  const std::int64_t count = bank.shape[0];
  if (count < nearest) fail("{} normal samples are too few for nearest neighbours", count);
  const double squared_length = squared_lengths(bank).front();
  std::vector<double> distances;
  std::vector<float> row(static_cast<std::size_t>(count));
  for_each_row_products(rows, bank, options, [&](std::int64_t, std::span<const float> products) {
    row.assign(products.begin(), products.end());
    std::ranges::nth_element(row, row.begin() + nearest - 1, std::greater<>());
    distances.push_back(std::max(0.0, 2 * (squared_length - row[nearest - 1])));
  });
  return distances;
}

}  // namespace

Detector::Detector(Session& session, const Dataset& normal, const DetectorOptions& options, const TrainHooks& hooks)
    : session_(session) {
  constexpr std::int64_t least = 20;
  if (normal.size() < least)
    fail("{}: {} normal samples are too few to learn from; give at least {}", normal.name, normal.size(), least);
  const std::uint64_t seed = session.options().seed;
  const Dataset drawn = at_most(normal, options.most, seed);
  const HeldOut parts = hold_out(drawn, drawn.size() / options.held_out_in, seed);
  if (normal.is_table())
    normality_.gaussian.emplace(parts.rest.samples, options.ridge);
  else
    normality_.bank = smoothed(parts.rest);

  DatasetSplits data;
  data.train = parts.rest;
  data.train.samples = seen(parts.rest);
  const std::int64_t steps_an_epoch = steps_in(data.train.size(), session.options().batch);
  TrainOptions training;
  training.schedule.kind = Schedule::Kind::cosine;
  training.epochs = std::max<std::int64_t>(1, options.steps / steps_an_epoch);
  train(session, data, training, hooks);

  Scores scores = parts_of(parts.held_out);
  normality_.mean_distance = std::max(1e-12, mean_over(scores.distance));
  normality_.mean_error = std::max(1e-12, mean_over(scores.error));
  add_totals(scores);
  normality_.threshold = quantile_of(scores.total, options.quantile);
}

Detector::Detector(Session& session, Normality normality) : session_(session), normality_(std::move(normality)) {}

HostTensor Detector::seen(const Dataset& data) const {
  return data.is_table() ? normality_.gaussian.value().whiten(data.samples) : smoothed(data);
}

std::vector<double> Detector::distances(const HostTensor& seen) const {
  return normality_.gaussian ? squared_lengths(seen) : neighbour_distances(normality_.bank, seen, session_.options());
}

std::vector<double> Detector::errors(const Dataset& data, const HostTensor& seen) {
  const Dataset shown{data.name, seen, data.labels, data.classes, data.class_names, data.columns};
  runtime::NamedTensors outputs = session_.run("score", shown);
  const auto values = output_of(outputs, "score", "score").as<float>();
  return {values.begin(), values.end()};
}

Scores Detector::parts_of(const Dataset& data) {
  const HostTensor rows = seen(data);
  return {{}, distances(rows), errors(data, rows)};
}

void Detector::add_totals(Scores& scores) const {
  for (std::size_t i = 0; i < scores.distance.size(); ++i)
    scores.total.push_back(scores.distance[i] / normality_.mean_distance + scores.error[i] / normality_.mean_error);
}

Scores Detector::score(const Dataset& data) {
  if (data.size() == 0) fail("{}: holds no samples to score", data.name);
  Scores scores = parts_of(data);
  add_totals(scores);
  // NaN exceeds no threshold, so it would pass as normal.
  for (std::size_t i = 0; i < scores.total.size(); ++i)
    if (std::isnan(scores.total[i]))
      fail("{}: the score of sample {} is {}: the model diverged, or the sample is far out of range", data.name, i + 1,
           scores.total[i]);
  return scores;
}

}  // namespace weft::training
