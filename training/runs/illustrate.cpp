// Runs entries of a model and draws their outputs.
#include "training/runs/illustrate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "ir/error.h"
#include "training/evaluation/codes.h"

namespace weft::training {

using runtime::HostTensor;

namespace {

// --- Filters ---------------------------------------------------------------------------------------------------------

constexpr std::int64_t kLegible = 5;  // rows of the smallest kernel that shows a pattern

// The first param of the encoder whose filters are images: [pixels,n] of a fully connected layer, or [n,channels,kH,kW]
// of a convolution over the channels of the data.
const ir::Input* first_weights(const ir::Graph& graph, const ImageShape& shape) {
  const auto [channels, height, width] = shape;
  for (const ir::Input& input : graph.inputs) {
    const ir::Value& value = graph.values[input.value];
    const ir::Dims& dims = value.type.dims;
    if (input.role != ir::Role::param || !value.name.starts_with("encoder.") || !value.type.is_static()) continue;
    if (dims.size() == 2 && dims[0].factor == channels * height * width) return &input;
    if (dims.size() == 4 && dims[1].factor == channels && dims[2].factor >= kLegible) return &input;
  }
  return nullptr;
}

// [n,..] for both kinds of layer.
HostTensor rows_of_filters(HostTensor weights) {
  if (weights.shape.size() == 4) return weights;
  const std::int64_t pixels = weights.shape[0], count = weights.shape[1];
  HostTensor rows = HostTensor::zeros(ir::DType::f32, {count, pixels});
  for (std::int64_t i = 0; i < count; ++i)
    for (std::int64_t j = 0; j < pixels; ++j)
      rows.as<float>()[static_cast<std::size_t>(i * pixels + j)] =
          weights.as<float>()[static_cast<std::size_t>(j * count + i)];
  return rows;
}

// Scales a filter to [0,1] by its largest weight, with 0 in the middle.
void spread_to_grey(std::span<float> filter) {
  float largest = 0;
  for (const float weight : filter) largest = std::max(largest, std::abs(weight));
  for (float& weight : filter) weight = largest > 0 ? .5F + .5F * weight / largest : .5F;
}

}  // namespace

ImageShape image_shape(const Dataset& data) {
  const auto& shape = data.samples.shape;
  if (data.is_table()) return {1, 1, shape[1]};
  check(shape.size() == 4, "images are [N,C,H,W]");
  return {shape[1], shape[2], shape[3]};
}

ImageBatch image_batch(const HostTensor& values, const ImageShape& shape) {
  return {values.as<float>(), {values.shape.front(), shape[0], shape[1], shape[2]}};
}

Canvas picture_reconstructions(Session& session, const Dataset& data, std::int64_t count) {
  const Dataset shown = first_of(data, count);
  const ImageShape shape = image_shape(shown);
  runtime::NamedTensors outputs = session.run("reconstruct", shown);
  const ImageBatch rebuilt = image_batch(output_of(outputs, "reconstruct", "xhat"), shape);
  const HostTensor inputs = unit_range(shown.samples);
  struct Captions {
    const char *seen, *rebuilt, *input;  // `seen` is also the name of the output that the encoder saw
  };
  for (const Captions& captions : {Captions{"noisy", "restored", "clean"}, {"turned", "predicted", "upright"}})
    if (const auto seen = outputs.find(captions.seen); seen != outputs.end())
      return captioned_rows({{captions.seen, image_batch(seen->second, shape)},
                             {captions.rebuilt, rebuilt},
                             {captions.input, image_batch(inputs, shape)}});
  return captioned_rows({{"input", image_batch(inputs, shape)}, {"output", rebuilt}});
}

Canvas picture_samples(Session& session, const ImageShape& shape, std::uint64_t seed, std::int64_t count) {
  const HostTensor samples = sample_prior(session, count, seed);
  return sample_grid(image_batch(samples, shape));
}

Canvas picture_views(Session& session, const Dataset& data, std::int64_t count, std::int64_t views) {
  const Dataset shown = first_of(data, count);
  const ImageShape shape = image_shape(shown);
  std::vector<HostTensor> values{unit_range(shown.samples)};
  for (std::int64_t view = 0; view < views; ++view)
    values.push_back(view_of(session, shown, static_cast<std::uint64_t>(view)));
  std::vector<CaptionedRow> rows;
  for (std::size_t row = 0; row < values.size(); ++row)
    rows.push_back({row == 0 ? "image" : fmt::format("view {}", row), image_batch(values[row], shape)});
  return captioned_rows(rows, static_cast<int>(count));
}

std::optional<Canvas> picture_filters(const Session& session, const ImageShape& shape, std::int64_t most) {
  const ir::Graph* graph = session.module().find("encode");
  const ir::Input* input = graph ? first_weights(*graph, shape) : nullptr;
  if (!input) return {};
  runtime::TensorFile file = session.state().save();
  HostTensor filters = rows_of_filters(std::move(file.tensors.at(graph->values[input->value].name)));
  const std::int64_t count = std::min(most, filters.shape[0]);
  const std::size_t size = filters.as<float>().size() / static_cast<std::size_t>(filters.shape[0]);
  const std::span<float> values = filters.as<float>().first(static_cast<std::size_t>(count) * size);
  for (std::size_t begin = 0; begin < values.size(); begin += size) spread_to_grey(values.subspan(begin, size));
  const bool convolution = filters.shape.size() == 4;
  return sample_grid(
      {values,
       {count, shape[0], convolution ? filters.shape[2] : shape[1], convolution ? filters.shape[3] : shape[2]}});
}

Canvas picture_curves(const std::vector<MetricsRecord>& records) {
  std::map<std::string, LossCurve> by_name;
  for (const MetricsRecord& record : records) {
    if (record.split != "train" && record.split != "validation") continue;
    for (const auto& [name, value] : record.values) {
      LossCurve& curve = by_name[name];
      curve.name = name;
      (record.split == "train" ? curve.train : curve.validation).push_back(value);
    }
  }
  // A metric that equals the loss would hide it.
  const LossCurve loss = by_name["loss"];
  by_name.erase("loss");
  std::vector<LossCurve> curves{loss};
  for (auto& [name, curve] : by_name)
    if (curve.train != loss.train || curve.validation != loss.validation) curves.push_back(std::move(curve));
  return loss_curves(curves);
}

}  // namespace weft::training
