// Computes similarities query by query, selects the k largest, and votes.
#include "training/evaluation/knn.h"

#include <algorithm>
#include <cmath>
#include <queue>

#include "ir/error.h"
#include "training/stats/matmul.h"

namespace weft::training {

namespace {

using runtime::HostTensor;

struct Neighbour {
  float similarity;
  std::int64_t index;
};

// The order of neighbours; the earlier sample of the data set wins a tie.
bool nearer(const Neighbour& a, const Neighbour& b) {
  return a.similarity != b.similarity ? a.similarity > b.similarity : a.index < b.index;
}

std::int64_t width_of(const Dataset& features) {
  check(features.samples.dtype == ir::DType::f32, "features are f32");
  return features.size() == 0 ? 0 : features.samples.elements() / features.size();
}

// Rows scaled to length 1; a row of zeros stays.
HostTensor unit_rows(const Dataset& features) {
  const std::int64_t width = width_of(features);
  HostTensor rows = HostTensor::zeros(ir::DType::f32, {features.size(), width});
  const float* from = features.samples.as<float>().data();
  float* to = rows.as<float>().data();
  for (std::int64_t i = 0; i < features.size(); ++i, from += width, to += width) {
    double square = 0;
    for (std::int64_t j = 0; j < width; ++j) square += double(from[j]) * double(from[j]);
    const float scale = square > 0 ? static_cast<float>(1 / std::sqrt(square)) : 0.0f;
    for (std::int64_t j = 0; j < width; ++j) to[j] = from[j] * scale;
  }
  return rows;
}

// The k nearest, nearest first.
std::vector<Neighbour> nearest(std::span<const float> similarities, std::int64_t k) {
  std::vector<Neighbour> heap;  // its front is the farthest kept
  heap.reserve(static_cast<std::size_t>(k) + 1);
  for (std::size_t i = 0; i < similarities.size(); ++i) {
    const bool full = static_cast<std::int64_t>(heap.size()) == k;
    if (full && !(similarities[i] > heap.front().similarity)) continue;
    heap.push_back({similarities[i], static_cast<std::int64_t>(i)});
    std::push_heap(heap.begin(), heap.end(), nearer);
    if (!full) continue;
    std::pop_heap(heap.begin(), heap.end(), nearer);
    heap.pop_back();
  }
  std::sort_heap(heap.begin(), heap.end(), nearer);
  return heap;
}

std::int32_t winner(const std::vector<Neighbour>& neighbours, const Vote& vote, std::span<const std::int32_t> labels,
                    int classes) {
  std::vector<double> scores(static_cast<std::size_t>(classes)), nearness(scores.size());
  for (std::int64_t i = 0; i < vote.k; ++i) {
    const Neighbour& neighbour = neighbours[static_cast<std::size_t>(i)];
    const auto label = static_cast<std::size_t>(labels[static_cast<std::size_t>(neighbour.index)]);
    scores[label] += vote.temperature > 0 ? std::exp(double(neighbour.similarity) / vote.temperature) : 1;
    nearness[label] += neighbour.similarity;
  }
  std::size_t best = 0;
  for (std::size_t i = 1; i < scores.size(); ++i)
    if (scores[i] > scores[best] || (scores[i] == scores[best] && nearness[i] > nearness[best])) best = i;
  return static_cast<std::int32_t>(best);
}

}  // namespace

std::vector<double> knn_accuracies(const Dataset& train, const Dataset& test, const std::vector<Vote>& votes,
                                   const SessionOptions& options) {
  std::int64_t most = 0;
  for (const Vote& vote : votes) most = std::max(most, vote.k);
  if (train.size() < most)
    fail("{} holds {} samples, too few for {} neighbours; use more samples or fewer neighbours", train.name,
         train.size(), most);
  if (test.size() == 0) fail("{} holds no samples to classify", test.name);
  check(width_of(test) == width_of(train), "features have one size");

  const std::span<const std::int32_t> known = train.labels.as<std::int32_t>(), asked = test.labels.as<std::int32_t>();
  std::vector<std::int64_t> right(votes.size());
  for_each_row_products(
      unit_rows(test), unit_rows(train), options, [&](std::int64_t i, std::span<const float> similarities) {
        const std::vector<Neighbour> neighbours = nearest(similarities, most);
        for (std::size_t v = 0; v < votes.size(); ++v)
          right[v] += winner(neighbours, votes[v], known, train.classes) == asked[static_cast<std::size_t>(i)];
      });
  std::vector<double> accuracies;
  for (const std::int64_t count : right) accuracies.push_back(double(count) / double(test.size()));
  return accuracies;
}

}  // namespace weft::training
