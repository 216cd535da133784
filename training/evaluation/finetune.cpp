// Draws labels and trains with and without the encoder.
#include "training/evaluation/finetune.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "ir/error.h"

namespace weft::training {

Dataset draw_labels(const Dataset& data, std::int64_t count, std::uint64_t seed) {
  if (count < data.classes || count > data.size())
    fail("cannot draw {} labels from {}, which has {} in {} classes; ask for at least one per class, at most all",
         count, data.name, data.size(), data.classes);
  if (count == data.size()) return data;
  const std::span<const std::int32_t> labels = data.labels.as<std::int32_t>();
  std::vector<std::int64_t> wanted(static_cast<std::size_t>(data.classes), count / data.classes), drawn;
  for (std::int64_t i = 0; i < count % data.classes; ++i) ++wanted[static_cast<std::size_t>(i)];
  for (const std::int64_t index : shuffled_indices(data.size(), seed)) {
    std::int64_t& left = wanted[static_cast<std::size_t>(labels[static_cast<std::size_t>(index)])];
    if (left == 0) continue;
    --left;
    drawn.push_back(index);
  }
  for (std::size_t label = 0; label < wanted.size(); ++label)
    if (wanted[label] > 0)
      fail("{} lacks {} samples of class {} for {} labels in equal shares", data.name, wanted[label],
           data.class_names[label], count);
  std::ranges::sort(drawn);
  return take(data, drawn);
}

FinetuneResult finetune(const ir::Module& classifier, const runtime::TensorFile& file,
                        const std::filesystem::path& path, const DatasetSplits& data, std::int64_t labels,
                        const FinetuneOptions& options) {
  if (data.test.size() == 0) fail("{} has no test samples", data.test.name);
  const Dataset drawn = draw_labels(data.train, labels, options.session.seed);
  SessionOptions session_options = options.session;
  session_options.batch = std::min(session_options.batch, drawn.size());
  const std::int64_t steps_an_epoch = steps_in(drawn.size(), session_options.batch);
  TrainOptions train_options;
  train_options.schedule = options.schedule;
  train_options.epochs =
      options.epochs.value_or(std::max(options.least_epochs, (options.steps + steps_an_epoch - 1) / steps_an_epoch));

  const auto accuracy_after = [&](bool pretrained) {
    Session session(classifier, session_options);
    if (pretrained) session.load_part(file, path, kEncoderPrefix);
    train(session, {drawn, {}, {}}, train_options);
    return metric_of(session.evaluate(data.test), "accuracy");
  };
  FinetuneResult result{labels, options.session.seed, train_options.epochs, accuracy_after(true), 0};
  if (options.scratch) result.scratch = accuracy_after(false);
  return result;
}

Spread spread_of(const std::vector<double>& values) {
  const auto count = double(values.size());
  Spread spread;
  for (const double value : values) spread.mean += value / count;
  for (const double value : values) spread.deviation += (value - spread.mean) * (value - spread.mean);
  spread.deviation = values.size() > 1 ? std::sqrt(spread.deviation / (count - 1)) : 0;
  return spread;
}

}  // namespace weft::training
