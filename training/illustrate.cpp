// Runs entries of a model and hands what they give to the drawing functions.
#include "training/illustrate.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <string>

#include "ir/error.h"
#include "runtime/rng.h"
#include "training/latent.h"
#include "training/pictures.h"
#include "training/step.h"

namespace weft::training {

using runtime::HostTensor;

namespace {

constexpr std::uint32_t sample_stream = 0x73616d70;  // "samp": apart from the streams of graphs and the shuffle

Dataset first_of(const Dataset& data, std::int64_t count) {
  if (data.size() == 0) fail("{} holds no samples to show", data.name);
  std::vector<std::int64_t> indices(static_cast<std::size_t>(std::min(count, data.size())));
  std::iota(indices.begin(), indices.end(), std::int64_t{0});
  return take(data, indices);
}

std::vector<std::int64_t> batch_shape(std::int64_t count, const ImageShape& shape) {
  return {count, shape[0], shape[1], shape[2]};
}

HostTensor unit_range(const HostTensor& bytes) {
  HostTensor values = HostTensor::zeros(ir::DType::f32, bytes.shape);
  std::ranges::transform(bytes.as<std::uint8_t>(), values.as<float>().begin(),
                         [](std::uint8_t level) { return static_cast<float>(level) / 255.0f; });
  return values;
}

const HostTensor& output_of(const runtime::NamedTensors& outputs, const char* entry, const char* name) {
  const auto found = outputs.find(name);
  if (found == outputs.end()) fail("entry @{} has no output {}", entry, name);
  return found->second;
}

// The width of the codes that `decode` takes.
std::int64_t code_size(const Session& session) {
  const ir::Graph& decode = entry_of(session.module(), "decode");
  const std::uint32_t input = decode.find_input("z");
  if (input == ir::kNone) fail("entry @decode has no input z");
  const ir::Dims& dims = decode.type(decode.inputs[input].value).dims;
  if (dims.size() != 2 || !dims[1].is_number()) fail("entry @decode takes z {}, not f32[B,L]", ir::to_string(dims));
  return dims[1].factor;
}

}  // namespace

ImageShape image_shape(const Dataset& data) {
  const auto& shape = data.images.shape;
  check(shape.size() == 4, "images are [N,C,H,W]");
  return {shape[1], shape[2], shape[3]};
}

bool is_generative(const Session& session) {
  const ir::Graph* encode = session.module().find("encode");
  return encode && encode->find_output("logvar") != ir::kNone && session.has("decode");
}

HostTensor sample_prior(Session& session, std::int64_t count, std::uint64_t seed) {
  HostTensor codes = HostTensor::zeros(ir::DType::f32, {count, code_size(session)});
  const std::span<float> values = codes.as<float>();
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = runtime::normal({seed, sample_stream, 0}, static_cast<std::uint32_t>(i));
  return output_of(session.run("decode", {{"z", std::move(codes)}}), "decode", "x");
}

Picture picture_reconstructions(Session& session, const Dataset& data, std::int64_t count) {
  const Dataset shown = first_of(data, count);
  const runtime::NamedTensors outputs = session.run("reconstruct", shown);
  const HostTensor& rebuilt = output_of(outputs, "reconstruct", "xhat");
  const HostTensor inputs = unit_range(shown.images);
  return reconstructions({inputs.as<float>(), inputs.shape}, {rebuilt.as<float>(), inputs.shape});
}

Picture picture_samples(Session& session, const ImageShape& shape, std::uint64_t seed, std::int64_t count) {
  const HostTensor samples = sample_prior(session, count, seed);
  return sample_grid({samples.as<float>(), batch_shape(count, shape)});
}

Picture picture_latent(Session& session, const Dataset& data, std::int64_t most) {
  const Dataset shown = first_of(data, most);
  const runtime::NamedTensors outputs = session.run("encode", shown);
  const HostTensor& codes = output_of(outputs, "encode", "latent");
  const std::int64_t dims = codes.elements() / shown.size();
  const std::string title = dims > 2 ? "Latent space: the two directions of largest spread" : "Latent space";
  return latent_map(plane_of(codes.as<float>(), dims), shown.labels.as<std::int32_t>(), data.class_names, title);
}

Picture picture_curves(const std::vector<MetricsRecord>& records) {
  std::map<std::string, LossCurve> by_name;
  for (const MetricsRecord& record : records) {
    if (record.split != "train" && record.split != "validation") continue;
    for (const auto& [name, value] : record.values) {
      LossCurve& curve = by_name[name];
      curve.name = name;
      (record.split == "train" ? curve.train : curve.validation).push_back(value);
    }
  }
  std::vector<LossCurve> curves;
  for (auto& [name, curve] : by_name) curves.insert(name == "loss" ? curves.begin() : curves.end(), std::move(curve));
  return loss_curves(curves);
}

}  // namespace weft::training
