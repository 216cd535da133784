// Encodes, walks, decodes and draws.
#include "training/runs/illustrate_latent.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "ir/error.h"
#include "runtime/rng.h"
#include "training/plot/chart.h"
#include "training/stats/plane.h"
#include "training/stats/tsne.h"

namespace weft::training {

using runtime::HostTensor;

namespace {

constexpr std::uint32_t posterior_stream = 0x706f7374;  // "post": apart from the streams of graphs and the shuffle
constexpr double reach = 3;                             // of traversals and of the histograms' axes is 4/3 of it

double step_at(std::int64_t step, std::int64_t steps, double low, double high) {
  return low + (high - low) * static_cast<double>(step) / static_cast<double>(steps - 1);
}

// --- Histograms ------------------------------------------------------------------------------------------------------

constexpr int cell_width = 220, cell_height = 150, cell_gap = 16;
constexpr std::size_t bins = 40;
constexpr double axis = reach * 4 / 3;  // values beyond count in the outermost bins

// One z of each sample's posterior; the code itself where there is none.
std::vector<float> aggregate(const Codes& codes, std::int64_t unit, std::uint64_t seed) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < codes.count(); ++i) {
    const auto element = static_cast<std::size_t>(i * codes.dims() + unit);
    float z = codes.latent.as<float>()[element];
    if (codes.has_posterior())
      z += std::exp(codes.logvar.as<float>()[element] / 2) *
           runtime::normal({seed, posterior_stream, static_cast<std::uint64_t>(unit)}, static_cast<std::uint32_t>(i));
    values.push_back(z);
  }
  return values;
}

// Densities over [-axis, axis], `scale` apart from the unit of the prior.
std::vector<double> histogram(std::span<const float> values, double centre, double scale) {
  std::vector<double> densities(bins, 0.0);
  const double width = 2 * axis / static_cast<double>(bins);
  for (const float value : values) {
    const double at = std::floor(((value - centre) / scale + axis) / width);
    const double bin = std::isfinite(at) ? std::clamp(at, 0.0, static_cast<double>(bins - 1)) : 0;
    densities[static_cast<std::size_t>(bin)] += 1 / (width * static_cast<double>(values.size()));
  }
  return densities;
}

void draw_histogram(Canvas& canvas, int left, int top, const std::vector<double>& densities, Color color) {
  constexpr double normal_peak = .398942280401;  // of the density of N(0, 1)
  const double highest = std::max(normal_peak, *std::ranges::max_element(densities)) * 1.05;
  const auto row = [&](double density) {
    return static_cast<float>(top + cell_height) - static_cast<float>(density / highest) * cell_height;
  };
  for (std::size_t bin = 0; bin < bins; ++bin) {
    const int from = left + static_cast<int>(bin * cell_width / bins);
    const int to = left + static_cast<int>((bin + 1) * cell_width / bins);
    const int y = static_cast<int>(row(densities[bin]));
    canvas.rectangle(from, y, to - from, top + cell_height - y, color);
  }
  const auto place = [&](int x) {
    const double z = axis * (2.0 * x / cell_width - 1);
    return Place{static_cast<float>(left + x), row(normal_peak * std::exp(-z * z / 2))};
  };
  for (int x = 0; x < cell_width; x += 4) canvas.line(place(x), place(x + 4), 1.6F, ink);
  canvas.line({static_cast<float>(left), static_cast<float>(top + cell_height)},
              {static_cast<float>(left + cell_width), static_cast<float>(top + cell_height)}, 1, {156, 163, 175});
}

std::string unit_caption(const UnitStatistics& unit, std::int64_t index, bool has_posterior) {
  return has_posterior ? fmt::format("z{}  KL {:.2f}{}", index + 1, unit.kl, unit.active ? "" : ", inactive")
                       : fmt::format("z{}  {:.2f} +- {:.2f}", index + 1, unit.mean, std::sqrt(unit.variance));
}

// --- Maps ------------------------------------------------------------------------------------------------------------

Picture map_panel(const std::vector<float>& plane, const Dataset& data, const std::string& title,
                  const std::string& axes) {
  return latent_map(plane, data.labels.as<std::int32_t>(), data.class_names, title, axes);
}

}  // namespace

Picture picture_latent(const Codes& codes, const Dataset& data) {
  const std::vector<float> plane = plane_of(codes.latent.as<float>(), codes.dims());
  return codes.dims() > 2 ? map_panel(plane, data, "Latent space: the two directions of largest spread", "direction ")
                          : map_panel(plane, data, "Latent space", "z");
}

Picture picture_maps(const Codes& codes, const Dataset& data) {
  const std::span<const float> latent = codes.latent.as<float>();
  if (codes.dims() > 2)
    return panels({map_panel(plane_of(latent, codes.dims()), data, "Codes by PCA", "direction "),
                   map_panel(tsne(latent, codes.dims()), data, "Codes by t-SNE", "t")});
  const HostTensor values = unit_range(data.samples);
  const std::int64_t width = values.elements() / data.size();
  return panels({map_panel(plane_of(latent, codes.dims()), data, "Latent space", "z"),
                 map_panel(plane_of(values.as<float>(), width), data, "The samples themselves by PCA", "direction "),
                 map_panel(tsne(values.as<float>(), width), data, "The samples themselves by t-SNE", "t")});
}

Picture picture_traversals(Session& session, const LatentStatistics& statistics, std::span<const float> base,
                           const ImageShape& shape, std::int64_t steps, std::int64_t most) {
  std::vector<std::int64_t> order = statistics.by_weight();
  order.resize(std::min(order.size(), static_cast<std::size_t>(most)));
  std::vector<float> codes;
  for (const std::int64_t unit : order) {
    const UnitStatistics& each = statistics.units[static_cast<std::size_t>(unit)];
    const double centre = statistics.has_posterior ? 0 : each.mean;
    const double scale = statistics.has_posterior ? 1 : std::sqrt(each.variance);
    for (std::int64_t step = 0; step < steps; ++step) {
      codes.insert(codes.end(), base.begin(), base.end());
      codes[codes.size() - base.size() + static_cast<std::size_t>(unit)] =
          static_cast<float>(centre + scale * step_at(step, steps, -reach, reach));
    }
  }
  const HostTensor pictures = decode(session, codes);
  const std::span<const float> values = pictures.as<float>();
  const std::size_t row = values.size() / order.size();
  std::vector<CaptionedRow> rows;
  for (std::size_t i = 0; i < order.size(); ++i)
    rows.push_back(
        {fmt::format("z{}", order[i] + 1), {values.subspan(i * row, row), {steps, shape[0], shape[1], shape[2]}}});
  return captioned_rows(rows, static_cast<int>(steps));
}

Picture picture_units(const Codes& codes, const LatentStatistics& statistics, std::uint64_t seed, std::int64_t most) {
  constexpr int columns = 5, text = 12, step_x = cell_width + 2 * cell_gap, step_y = cell_height + text + 3 * cell_gap;
  std::vector<std::int64_t> order = statistics.by_weight();
  order.resize(std::min(order.size(), static_cast<std::size_t>(most)));
  const int count = static_cast<int>(order.size());
  Canvas canvas(std::min(columns, count) * step_x, (count + columns - 1) / columns * step_y);
  for (int i = 0; i < count; ++i) {
    const std::int64_t index = order[static_cast<std::size_t>(i)];
    const UnitStatistics& unit = statistics.units[static_cast<std::size_t>(index)];
    const int left = i % columns * step_x + cell_gap, top = i / columns * step_y + cell_gap;
    // Without a prior the axis is that of the unit's own spread.
    const double deviation = unit.variance > 0 ? std::sqrt(unit.variance) : 1;
    const std::vector<double> densities =
        histogram(aggregate(codes, index, seed), statistics.has_posterior ? 0 : unit.mean,
                  statistics.has_posterior ? 1 : deviation);
    canvas.text({static_cast<float>(left), static_cast<float>(top)},
                unit_caption(unit, index, statistics.has_posterior), {.height = text});
    const bool grey = statistics.has_posterior && !unit.active;
    draw_histogram(canvas, left, top + text + cell_gap, densities, grey ? Color{200, 203, 209} : Color{120, 170, 214});
  }
  return canvas.picture();
}

Picture picture_plane(Session& session, const Codes& codes, const ImageShape& shape, std::int64_t side) {
  check(codes.dims() == 2, "a plane of two units");
  float low[2] = {HUGE_VALF, HUGE_VALF}, high[2] = {-HUGE_VALF, -HUGE_VALF};
  const std::span<const float> values = codes.latent.as<float>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    low[i % 2] = std::min(low[i % 2], values[i]);
    high[i % 2] = std::max(high[i % 2], values[i]);
  }
  std::vector<float> places;
  for (std::int64_t row = 0; row < side; ++row) {
    for (std::int64_t column = 0; column < side; ++column) {
      places.push_back(static_cast<float>(step_at(column, side, low[0], high[0])));
      places.push_back(static_cast<float>(step_at(row, side, high[1], low[1])));
    }
  }
  const HostTensor pictures = decode(session, places);
  return sample_grid(image_batch(pictures, shape), static_cast<int>(side));
}

Picture picture_interpolations(Session& session, const Dataset& data,
                               const std::vector<std::pair<std::int64_t, std::int64_t>>& pairs, Path path,
                               std::int64_t steps) {
  const ImageShape shape = image_shape(data);
  std::vector<std::int64_t> ends;
  for (const auto& [from, to] : pairs) ends.insert(ends.end(), {from, to});
  const Dataset shown = take(data, ends);
  const Codes codes = encode(session, shown);
  const HostTensor pixels = unit_range(shown.samples);
  const auto width = static_cast<std::size_t>(shape[0] * shape[1] * shape[2]);
  std::vector<float> walked, mixed;
  for (std::size_t from = 0; from < ends.size(); from += 2) {
    const auto index = static_cast<std::int64_t>(from);
    const std::vector<float> latent = walk(path, codes.row(index), codes.row(index + 1), steps);
    const std::vector<float> mix = walk(Path::linear, pixels.as<float>().subspan(from * width, width),
                                        pixels.as<float>().subspan((from + 1) * width, width), steps);
    walked.insert(walked.end(), latent.begin(), latent.end());
    mixed.insert(mixed.end(), mix.begin(), mix.end());
  }
  const HostTensor decoded = decode(session, walked);
  const std::vector<std::int64_t> batch{decoded.shape[0], shape[0], shape[1], shape[2]};
  return captioned_rows({{"latent", {decoded.as<float>(), batch}}, {"pixels", {mixed, batch}}},
                        static_cast<int>(steps));
}

std::vector<std::pair<std::int64_t, std::int64_t>> neighbouring_pairs(const Dataset& data, std::size_t most) {
  const std::span<const std::int32_t> labels = data.labels.as<std::int32_t>();
  std::vector<std::pair<std::int64_t, std::int64_t>> pairs;
  for (std::size_t i = 1; i < labels.size() && pairs.size() < most; i += 2)
    if (labels[i - 1] != labels[i]) pairs.emplace_back(static_cast<std::int64_t>(i) - 1, static_cast<std::int64_t>(i));
  return pairs;
}

}  // namespace weft::training
