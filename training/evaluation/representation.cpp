// Computes one output of a model over a whole data set.
#include "training/evaluation/representation.h"

#include <algorithm>
#include <cmath>

#include "ir/error.h"
#include "training/evaluation/codes.h"
#include "training/step.h"

namespace weft::training {

namespace {

constexpr const char* kEntry = "probed";

// The entry with only one of its outputs, so that it computes nothing else.
ir::Graph with_output(const ir::Graph& entry, const ir::Output& output) {
  ir::Graph graph = entry;
  graph.name = kEntry;
  graph.outputs = {output};
  return graph;
}

ir::Graph probed_graph(const ir::Module& module, const Probed& probed) {
  if (probed.block == 0) {
    const ir::Graph& encode = entry_of(module, "encode");
    return with_output(encode, encode.outputs[encode.find_output("latent")]);
  }
  const ir::Graph& features = entry_of(module, "features");
  const auto blocks = static_cast<std::int64_t>(features.outputs.size());
  if (probed.block > blocks)
    fail("model {} has {} blocks, so --block takes 1 to {}, got {}", module.name, blocks, blocks, probed.block);
  return with_output(features, features.outputs[static_cast<std::size_t>(probed.block - 1)]);
}

DatasetSplits map_splits(const DatasetSplits& data, const std::function<Dataset(const Dataset&)>& map) {
  const auto or_empty = [&](const Dataset& part) {
    if (part.size() > 0) return map(part);
    Dataset empty = map(first_of(data.train, 1));
    return take(empty, {});
  };
  return {map(data.train), or_empty(data.validation), or_empty(data.test)};
}

struct Moments {
  double sum = 0, square = 0;
};

}  // namespace

ir::Module with_probed(ir::Module module, const Probed& probed) {
  module.graphs.push_back(probed_graph(module, probed));
  return module;
}

Dataset represent(Session& session, const Dataset& data) {
  runtime::NamedTensors outputs = session.run(kEntry, data);
  check(outputs.size() == 1, "entry @probed has one output");
  return {data.name, std::move(outputs.begin()->second), data.labels, data.classes, data.class_names};
}

DatasetSplits represent(Session& session, const DatasetSplits& data) {
  return map_splits(data, [&](const Dataset& part) { return represent(session, part); });
}

DatasetSplits raw_pixels(const DatasetSplits& data) {
  return map_splits(data, [](const Dataset& part) {
    return Dataset{part.name, as_rows(part), part.labels, part.classes, part.class_names};
  });
}

void standardise(DatasetSplits& data) {
  const std::vector<std::int64_t>& shape = data.train.samples.shape;
  check(shape.size() >= 2, "features are [N,channels,..]");
  const auto channels = static_cast<std::size_t>(shape[1]);
  const auto area = static_cast<std::size_t>(runtime::element_count(std::span(shape).subspan(2)));
  std::vector<Moments> moments(channels);
  const std::span<const float> values = std::as_const(data.train.samples).as<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    Moments& of = moments[i / area % channels];
    of.sum += double(values[i]);
    of.square += double(values[i]) * double(values[i]);
  }
  const double count = double(values.size()) / double(channels);
  std::vector<double> means, scales;
  for (const Moments& of : moments) {
    means.push_back(of.sum / count);
    const double variance = of.square / count - means.back() * means.back();
    scales.push_back(variance > 1e-12 * of.square / count ? 1 / std::sqrt(variance) : 0);
  }
  for (Dataset* part : {&data.train, &data.validation, &data.test}) {
    const std::span<float> all = part->samples.as<float>();
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::size_t channel = i / area % channels;
      all[i] = static_cast<float>((double(all[i]) - means[channel]) * scales[channel]);
    }
  }
}

}  // namespace weft::training
