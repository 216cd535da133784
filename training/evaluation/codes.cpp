// Runs encode and decode, and computes on their rows.
#include "training/evaluation/codes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "ir/error.h"
#include "runtime/rng.h"
#include "training/stats/mixture.h"
#include "training/step.h"

namespace weft::training {

using runtime::HostTensor;

namespace {

constexpr std::uint32_t kSampleStream = 0x73616d70;  // "samp": distinct from the streams of graphs and the shuffle

void flatten_rows(HostTensor& tensor) { tensor.shape = {tensor.shape[0], tensor.elements() / tensor.shape[0]}; }

// Location and spread of one unit of the codes.
struct UnitSpread {
  float mean = 0, deviation = 0;
  float low = std::numeric_limits<float>::infinity(), high = -std::numeric_limits<float>::infinity();
};

std::vector<UnitSpread> spreads_of(const Codes& codes) {
  const auto dims = static_cast<std::size_t>(codes.dims());
  const std::span<const float> values = codes.latent.as<float>();
  std::vector<double> sums(dims), squares(dims);
  std::vector<UnitSpread> spreads(dims);
  for (std::size_t i = 0; i < values.size(); ++i) {
    UnitSpread& spread = spreads[i % dims];
    sums[i % dims] += values[i];
    squares[i % dims] += static_cast<double>(values[i]) * values[i];
    spread.low = std::min(spread.low, values[i]);
    spread.high = std::max(spread.high, values[i]);
  }
  const auto count = static_cast<double>(codes.count());
  for (std::size_t unit = 0; unit < dims; ++unit) {
    const double mean = sums[unit] / count;
    spreads[unit].mean = static_cast<float>(mean);
    spreads[unit].deviation = static_cast<float>(std::sqrt(std::max(0.0, squares[unit] / count - mean * mean)));
  }
  return spreads;
}

}  // namespace

HostTensor unit_range(const HostTensor& images) {
  if (images.dtype == ir::DType::f32) return images;
  HostTensor values = HostTensor::zeros(ir::DType::f32, images.shape);
  std::ranges::transform(images.as<std::uint8_t>(), values.as<float>().begin(),
                         [](std::uint8_t level) { return static_cast<float>(level) / 255.0f; });
  return values;
}

HostTensor as_rows(const Dataset& data) {
  HostTensor rows = unit_range(data.samples);
  flatten_rows(rows);
  return rows;
}

Dataset first_of(const Dataset& data, std::int64_t count) {
  if (data.size() == 0) fail("{} holds no samples to show", data.name);
  std::vector<std::int64_t> indices(static_cast<std::size_t>(std::min(count, data.size())));
  std::iota(indices.begin(), indices.end(), std::int64_t{0});
  return take(data, indices);
}

HostTensor view_of(Session& session, const Dataset& data, std::uint64_t draw) {
  runtime::NamedTensors outputs = session.run("augment", data, draw);
  return std::move(output_of(outputs, "augment", "view"));
}

std::span<const float> Codes::row(std::int64_t index) const {
  const auto width = static_cast<std::size_t>(dims());
  return latent.as<float>().subspan(static_cast<std::size_t>(index) * width, width);
}

Codes first_of(const Codes& codes, std::int64_t count) {
  const auto cut = [&](const HostTensor& tensor) {
    const auto numbers = static_cast<std::size_t>(count * codes.dims());
    return HostTensor::of<float>(tensor.as<float>().first(numbers), {count, codes.dims()});
  };
  check(count <= codes.count(), "at most as many codes as there are");
  return {cut(codes.latent), codes.has_posterior() ? cut(codes.logvar) : codes.logvar};
}

Codes encode(Session& session, const Dataset& data) {
  runtime::NamedTensors outputs = session.run("encode", data);
  Codes codes{std::move(output_of(outputs, "encode", "latent")), HostTensor::zeros(ir::DType::f32, {0})};
  flatten_rows(codes.latent);
  if (outputs.contains("logvar")) {
    codes.logvar = std::move(output_of(outputs, "encode", "logvar"));
    flatten_rows(codes.logvar);
  }
  return codes;
}

HostTensor decode(Session& session, std::span<const float> codes) {
  const std::int64_t width = code_size(session);
  const std::int64_t count = static_cast<std::int64_t>(codes.size()) / width;
  runtime::NamedTensors outputs = session.run("decode", {{"z", HostTensor::of<float>(codes, {count, width})}});
  return std::move(output_of(outputs, "decode", "x"));
}

std::int64_t code_size(const Session& session) {
  const ir::Graph& graph = entry_of(session.module(), "decode");
  const std::uint32_t input = graph.find_input("z");
  if (input == ir::kNone) fail("entry @decode has no input z");
  const ir::Dims& dims = graph.type(graph.inputs[input].value).dims;
  if (dims.size() != 2 || !dims[1].is_number()) fail("entry @decode takes z {}, not f32[B,L]", ir::to_string(dims));
  return dims[1].factor;
}

bool is_generative(const Session& session) {
  const ir::Graph* graph = session.module().find("encode");
  return graph && graph->find_output("logvar") != ir::kNone && session.has("decode");
}

// --- At random -------------------------------------------------------------------------------------------------------

std::vector<float> draw_codes(Draw draw, const Codes* codes, std::int64_t dims, std::int64_t count,
                              std::uint64_t seed) {
  check(draw == Draw::prior || (codes && codes->dims() == dims), "codes have the width to draw");
  if (draw == Draw::mixture) return Mixture(codes->latent, kMixtureComponents, seed).draw(count, seed);
  const std::vector<UnitSpread> spreads = draw == Draw::prior ? std::vector<UnitSpread>() : spreads_of(*codes);
  const runtime::RandomSource source{seed, kSampleStream, 0};
  std::vector<float> drawn(static_cast<std::size_t>(count * dims));
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    const auto element = static_cast<std::uint32_t>(i);
    const std::size_t unit = i % static_cast<std::size_t>(dims);
    if (draw == Draw::prior)
      drawn[i] = runtime::normal(source, element);
    else if (draw == Draw::normal)
      drawn[i] = spreads[unit].mean + spreads[unit].deviation * runtime::normal(source, element);
    else
      drawn[i] = spreads[unit].low + (spreads[unit].high - spreads[unit].low) * runtime::uniform(source, element);
  }
  return drawn;
}

HostTensor sample_prior(Session& session, std::int64_t count, std::uint64_t seed) {
  return decode(session, draw_codes(Draw::prior, nullptr, code_size(session), count, seed));
}

// --- Interpolation ---------------------------------------------------------------------------------------------------

std::vector<float> between(Path path, std::span<const float> from, std::span<const float> to, double t) {
  check(from.size() == to.size(), "codes have one width");
  double weight_from = 1 - t, weight_to = t;
  if (path == Path::spherical) {
    double dot = 0, from_square = 0, to_square = 0;
    for (std::size_t i = 0; i < from.size(); ++i) {
      dot += static_cast<double>(from[i]) * to[i];
      from_square += static_cast<double>(from[i]) * from[i];
      to_square += static_cast<double>(to[i]) * to[i];
    }
    const double lengths = std::sqrt(from_square * to_square);
    const double angle = lengths > 0 ? std::acos(std::clamp(dot / lengths, -1.0, 1.0)) : 0;
    if (const double sine = std::sin(angle); sine > 1e-6) {
      weight_from = std::sin((1 - t) * angle) / sine;
      weight_to = std::sin(t * angle) / sine;
    }
  }
  std::vector<float> point(from.size());
  for (std::size_t i = 0; i < from.size(); ++i)
    point[i] = static_cast<float>(weight_from * from[i] + weight_to * to[i]);
  return point;
}

std::vector<float> walk(Path path, std::span<const float> from, std::span<const float> to, std::int64_t steps) {
  if (steps < 2) fail("an interpolation needs at least 2 steps, the two ends; got {}", steps);
  std::vector<float> points;
  for (std::int64_t step = 0; step < steps; ++step) {
    const std::vector<float> point =
        between(path, from, to, static_cast<double>(step) / static_cast<double>(steps - 1));
    points.insert(points.end(), point.begin(), point.end());
  }
  return points;
}

}  // namespace weft::training
