// Counts the classes that a classifier predicts.
#include "training/evaluation/classifier_score.h"

#include <algorithm>
#include <cmath>

#include "ir/error.h"
#include "runtime/rng.h"
#include "training/step.h"

namespace weft::training {

using runtime::HostTensor;

namespace {

constexpr std::uint32_t kPairStream = 0x70616972;  // "pair": distinct from the streams of graphs and the shuffle
constexpr std::int64_t kImagesAtOnce = 10'000;     // limits the memory for judging

// Counts the most probable classes over batches of logits.
class Tally {
 public:
  void add(const HostTensor& logits) {
    const auto classes = static_cast<std::size_t>(logits.shape[1]);
    const std::span<const float> values = logits.as<float>();
    counts_.resize(std::max(counts_.size(), classes));
    for (std::size_t begin = 0; begin < values.size(); begin += classes) {
      const std::span<const float> row = values.subspan(begin, classes);
      const auto best = std::ranges::max_element(row);
      double sum = 0;
      for (const float logit : row) sum += std::exp(static_cast<double>(logit) - *best);
      sure_ += 1 / sum > kSureProbability;
      ++counts_[static_cast<std::size_t>(best - row.begin())];
      ++images_;
    }
  }

  std::int64_t images() const { return images_; }
  ClassifierScore verdict() const {
    const auto count = static_cast<double>(images_);
    ClassifierScore verdict{static_cast<double>(sure_) / count, 0};
    for (const std::int64_t each : counts_)
      if (each > 0) verdict.entropy -= static_cast<double>(each) / count * std::log(static_cast<double>(each) / count);
    return verdict;
  }

 private:
  std::vector<std::int64_t> counts_;
  std::int64_t sure_ = 0, images_ = 0;
};

const HostTensor& checked_logits(const runtime::NamedTensors& outputs) {
  const auto found = outputs.find("logits");
  if (found == outputs.end() || found->second.shape.size() != 2)
    fail("entry @classify has no output logits f32[B,classes]");
  if (!std::ranges::all_of(found->second.as<float>(), [](float logit) { return std::isfinite(logit); }))
    fail("the judge's logits are not finite: it diverged, or it was trained on other images");
  return found->second;
}

struct Pair {
  std::int64_t from = 0, to = 0;
};

// Pairs of samples of different classes.
std::vector<Pair> draw_pairs(const Dataset& data, std::int64_t count, std::uint64_t seed) {
  const std::span<const std::int32_t> labels = data.labels.as<std::int32_t>();
  if (labels.empty() || std::ranges::all_of(labels, [&](std::int32_t label) { return label == labels.front(); }))
    fail("{}: has only one class, but judging interpolations needs samples of different classes", data.name);
  std::vector<Pair> pairs;
  for (std::uint32_t element = 0; static_cast<std::int64_t>(pairs.size()) < count; ++element) {
    const runtime::PhiloxBlock block = runtime::random_block({seed, kPairStream, 0}, element);
    const Pair pair{static_cast<std::int64_t>(block[0] % labels.size()),
                    static_cast<std::int64_t>(block[1] % labels.size())};
    if (labels[static_cast<std::size_t>(pair.from)] != labels[static_cast<std::size_t>(pair.to)]) pairs.push_back(pair);
  }
  return pairs;
}

}  // namespace

ClassifierScore classifier_score(const HostTensor& logits) {
  Tally tally;
  tally.add(logits);
  return tally.verdict();
}

HostTensor classify(Session& classifier, HostTensor images) {
  const ir::Graph& graph = entry_of(classifier.module(), "classify");
  const std::uint32_t input = graph.find_input("x");
  if (input == ir::kNone) fail("entry @classify has no input x");
  ir::Dims dims = graph.type(graph.inputs[input].value).dims;
  dims.front() = ir::Dim(images.shape.front());
  const std::vector<std::int64_t> shape = ir::numbers(dims);
  if (runtime::element_count(shape) != images.elements())
    fail("the judge takes images of {} numbers, but these have {}; choose a classifier for images of that size",
         runtime::element_count(shape) / shape.front(), images.elements() / shape.front());
  images.shape = shape;
  return checked_logits(classifier.run("classify", {{"x", std::move(images)}}));
}

double accuracy_of(Session& classifier, const Dataset& data) {
  const HostTensor logits = checked_logits(classifier.run("classify", data));
  const auto classes = static_cast<std::size_t>(logits.shape[1]);
  const std::span<const std::int32_t> labels = data.labels.as<std::int32_t>();
  if (classes < static_cast<std::size_t>(data.classes))
    fail("the judge has {} classes, but {} has {}", classes, data.name, data.classes);
  std::int64_t right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::span<const float> row = logits.as<float>().subspan(i * classes, classes);
    right += std::ranges::max_element(row) - row.begin() == labels[i];
  }
  return static_cast<double>(right) / static_cast<double>(labels.size());
}

InterpolationScore score_interpolation(Session& session, Session& classifier, const Dataset& data, Path path,
                                       std::int64_t pairs, std::int64_t steps, std::uint64_t seed) {
  if (steps < 3) fail("an interpolation of {} steps has no inner step to judge; use at least 3", steps);
  const std::vector<Pair> drawn = draw_pairs(data, pairs, seed);
  const Codes codes = encode(session, data);
  const HostTensor pixels = unit_range(data.samples);
  const std::size_t width = pixels.as<float>().size() / static_cast<std::size_t>(data.size());
  const auto image = [&](std::int64_t index) {
    return pixels.as<float>().subspan(static_cast<std::size_t>(index) * width, width);
  };
  const std::int64_t inner = steps - 2, pairs_at_once = std::max<std::int64_t>(1, kImagesAtOnce / inner);
  Tally latent, pixel;
  for (std::size_t begin = 0; begin < drawn.size();) {
    const std::size_t end = std::min(drawn.size(), begin + static_cast<std::size_t>(pairs_at_once));
    std::vector<float> walked, mixed;
    std::int64_t count = 0;
    for (; begin < end; ++begin) {
      const auto [from, to] = drawn[begin];
      for (std::int64_t step = 1; step <= inner; ++step, ++count) {
        const double t = static_cast<double>(step) / static_cast<double>(steps - 1);
        const std::vector<float> code = between(path, codes.row(from), codes.row(to), t);
        const std::vector<float> mix = between(Path::linear, image(from), image(to), t);
        walked.insert(walked.end(), code.begin(), code.end());
        mixed.insert(mixed.end(), mix.begin(), mix.end());
      }
    }
    latent.add(classify(classifier, decode(session, walked)));
    pixel.add(classify(classifier, HostTensor::of<float>(mixed, {count, static_cast<std::int64_t>(width)})));
  }
  return {latent.images(), latent.verdict(), pixel.verdict()};
}

}  // namespace weft::training
