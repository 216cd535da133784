// Encodes, interpolates, decodes and draws.
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

constexpr std::uint32_t kPosteriorStream = 0x706f7374;  // "post": distinct from the streams of graphs and the shuffle
constexpr double kReach = 3;                            // of traversals, in standard deviations

// t-SNE of more codes takes seconds. They are spread over the data, which may be sorted by class.
constexpr std::int64_t kMostMapped = 1'000;

double step_at(std::int64_t step, std::int64_t steps, double low, double high) {
  return low + (high - low) * static_cast<double>(step) / static_cast<double>(steps - 1);
}

// --- Histograms ------------------------------------------------------------------------------------------------------

constexpr std::size_t kBins = 40;
constexpr double kAxis = kReach * 4 / 3;  // of histograms; the outermost bins count values beyond
constexpr Color kBarColor{120, 170, 214}, kInactiveColor{200, 203, 209};

// One z from the posterior of each sample; the code itself if there is none.
std::vector<float> aggregate(const Codes& codes, std::int64_t unit, std::uint64_t seed) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < codes.count(); ++i) {
    const auto element = static_cast<std::size_t>(i * codes.dims() + unit);
    float z = codes.latent.as<float>()[element];
    if (codes.has_posterior())
      z += std::exp(codes.logvar.as<float>()[element] / 2) *
           runtime::normal({seed, kPosteriorStream, static_cast<std::uint64_t>(unit)}, static_cast<std::uint32_t>(i));
    values.push_back(z);
  }
  return values;
}

// Densities of (value - centre) / scale over [-kAxis, kAxis].
std::vector<double> histogram(std::span<const float> values, double centre, double scale) {
  std::vector<double> densities(kBins, 0.0);
  const double width = 2 * kAxis / static_cast<double>(kBins);
  for (const float value : values) {
    const double at = std::floor(((value - centre) / scale + kAxis) / width);
    const double bin = std::isfinite(at) ? std::clamp(at, 0.0, static_cast<double>(kBins - 1)) : 0;
    densities[static_cast<std::size_t>(bin)] += 1 / (width * static_cast<double>(values.size()));
  }
  return densities;
}

double normal_density(double z) { return .398942280401 * std::exp(-z * z / 2); }

// Clips bars that are higher than the axis.
void draw_histogram(Canvas& canvas, const Axes& axes, const std::vector<double>& densities, Color color) {
  const double width = 2 * kAxis / static_cast<double>(kBins);
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    const double z = width * static_cast<double>(bin) - kAxis;
    const Place from = axes.at(z, std::min(densities[bin], axes.y.high)), to = axes.at(z + width, 0);
    const double left = std::round(from.x);  // bars that meet within a pixel would show a seam
    canvas.rectangle(left, from.y, std::round(to.x) - left, to.y - from.y, color);
  }
  std::vector<Place> curve;
  for (double z = -kAxis; z < kAxis + .05; z += .1) curve.push_back(axes.at(z, normal_density(z)));
  canvas.path(curve, {.width = 1.5});
}

std::string unit_caption(const UnitStatistics& unit, std::int64_t index, bool has_posterior) {
  return has_posterior ? fmt::format("z{}  KL {:.2f}{}", index + 1, unit.kl, unit.active ? "" : ", inactive")
                       : fmt::format("z{}  {:.2f} ± {:.2f}", index + 1, unit.mean, std::sqrt(unit.variance));
}

}  // namespace

Canvas picture_latent(const Codes& codes, const Dataset& data) {
  const std::span<const float> latent = codes.latent.as<float>();
  const std::span<const std::int32_t> labels = data.labels.as<std::int32_t>();
  const bool is_mapped = codes.dims() > 2 && codes.count() >= kFewestTsnePoints &&
                         std::ranges::all_of(latent, [](float each) { return std::isfinite(each); });
  if (!is_mapped) return latent_maps({{.points = plane_of(latent, codes.dims())}}, labels, data.class_names);
  const std::int64_t every = (codes.count() + kMostMapped - 1) / kMostMapped;
  std::vector<float> points;
  std::vector<std::int32_t> classes;
  for (std::int64_t i = 0; i < codes.count(); i += every) {
    const std::span<const float> row = codes.row(i);
    points.insert(points.end(), row.begin(), row.end());
    if (!labels.empty()) classes.push_back(labels[static_cast<std::size_t>(i)]);
  }
  const std::string title = fmt::format("Latent space: {} codes by t-SNE", (codes.count() + every - 1) / every);
  return latent_maps({{tsne(points, codes.dims()), title, "t"}}, classes, data.class_names);
}

Canvas picture_maps(const Codes& codes, const Dataset& data) {
  const std::span<const float> latent = codes.latent.as<float>();
  std::vector<LatentMap> maps;
  if (codes.dims() > 2) {
    maps = {{plane_of(latent, codes.dims()), "Codes by PCA", "direction "},
            {tsne(latent, codes.dims()), "Codes by t-SNE", "t"}};
  } else {
    const HostTensor values = unit_range(data.samples);
    const std::int64_t width = values.elements() / data.size();
    maps = {{.points = plane_of(latent, codes.dims())},
            {plane_of(values.as<float>(), width), "The samples by PCA", "direction "},
            {tsne(values.as<float>(), width), "The samples by t-SNE", "t"}};
  }
  return latent_maps(maps, data.labels.as<std::int32_t>(), data.class_names);
}

Canvas picture_traversals(Session& session, const LatentStatistics& statistics, std::span<const float> base,
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
          static_cast<float>(centre + scale * step_at(step, steps, -kReach, kReach));
    }
  }
  const HostTensor images = decode(session, codes);
  const std::span<const float> values = images.as<float>();
  const std::size_t row = values.size() / order.size();
  std::vector<CaptionedRow> rows;
  for (std::size_t i = 0; i < order.size(); ++i)
    rows.push_back(
        {fmt::format("z{}", order[i] + 1), {values.subspan(i * row, row), {steps, shape[0], shape[1], shape[2]}}});
  ColumnAxis values_of{.name = statistics.has_posterior ? "z" : "std", .texts = {}};
  for (std::int64_t step = 0; step < steps; ++step)
    values_of.texts.push_back(fmt::format("{:.2g}", step_at(step, steps, -kReach, kReach)));
  return captioned_rows(rows, static_cast<int>(steps), values_of);
}

Canvas picture_units(const Codes& codes, const LatentStatistics& statistics, std::uint64_t seed, std::int64_t most) {
  constexpr int kColumns = 5, kLeft = 56, kHead = 40, kCellWidth = 180, kCellHeight = 150, kBottom = 52;
  constexpr double kHighest = 2;  // of the axis: a nearly constant unit would flatten all others
  std::vector<std::int64_t> order = statistics.by_weight();
  order.resize(std::min(order.size(), static_cast<std::size_t>(most)));
  std::vector<std::vector<double>> densities;
  Range y{0, normal_density(0)};
  bool any_inactive = false;
  for (const std::int64_t index : order) {
    const UnitStatistics& unit = statistics.units[static_cast<std::size_t>(index)];
    // Without a prior, the scale is the unit's own deviation.
    const double deviation = unit.variance > 0 ? std::sqrt(unit.variance) : 1;
    densities.push_back(histogram(aggregate(codes, index, seed), statistics.has_posterior ? 0 : unit.mean,
                                  statistics.has_posterior ? 1 : deviation));
    y.include(std::min(kHighest, *std::ranges::max_element(densities.back()) * 1.05));
    any_inactive = any_inactive || (statistics.has_posterior && !unit.active);
  }

  const int count = static_cast<int>(order.size()), columns = std::min(kColumns, count);
  const int rows = (count + columns - 1) / columns;
  std::vector<LegendEntry> legend{
      {statistics.has_posterior ? "aggregate posterior" : "codes", kBarColor, LegendEntry::Mark::box}};
  if (any_inactive) legend.push_back({"inactive unit", kInactiveColor, LegendEntry::Mark::box});
  legend.push_back({statistics.has_posterior ? "the prior, N(0, 1)" : "N(0, 1)", kInk});
  constexpr int kLegend = 440;  // minimum width
  constexpr int kLegendMiddle = kHead / 2;
  Canvas canvas(kLeft + std::max(columns * kCellWidth, kLegend), kHead + rows * kCellHeight + kBottom);
  const Ticks ticks{.x = {-3, 0, 3}, .y = nice_ticks(y.low, y.high, 3)};
  for (int i = 0; i < count; ++i) {
    const std::int64_t index = order[static_cast<std::size_t>(i)];
    const UnitStatistics& unit = statistics.units[static_cast<std::size_t>(index)];
    const int row = i / columns, column = i % columns;
    const double left = kLeft + column * kCellWidth, top = kHead + row * kCellHeight;
    const Axes axes{{-kAxis, kAxis}, y, left, left + kCellWidth - 16, top + 24, top + kCellHeight - 12};
    Ticks here = ticks;
    here.x_texts = i + columns >= count;
    here.y_texts = i % columns == 0;
    draw_axes(canvas, axes, here);
    const bool grey = statistics.has_posterior && !unit.active;
    draw_histogram(canvas, axes, densities[static_cast<std::size_t>(i)], grey ? kInactiveColor : kBarColor);
    canvas.text({left, top + 12}, unit_caption(unit, index, statistics.has_posterior), {.size = kLabelSize});
  }
  draw_legend_row(canvas, legend, canvas.width() - 16, kLegendMiddle);
  canvas.text({(kLeft + canvas.width()) / 2.0, canvas.height() - 14.0},
              statistics.has_posterior ? "z" : "standard deviations from the mean of the unit",
              {.size = kLabelSize, .align = Align::centre});
  canvas.text({14, kHead + rows * kCellHeight / 2.0}, "density",
              {.size = kLabelSize, .align = Align::centre, .upward = true});
  return canvas;
}

Canvas picture_plane(Session& session, const Codes& codes, const ImageShape& shape, std::int64_t side) {
  check(codes.dims() == 2, "a plane of two units");
  Range box[2];
  const std::span<const float> values = codes.latent.as<float>();
  for (std::size_t i = 0; i < values.size(); ++i) box[i % 2].include(values[i]);
  std::vector<float> places;
  for (std::int64_t row = 0; row < side; ++row) {
    for (std::int64_t column = 0; column < side; ++column) {
      places.push_back(static_cast<float>(step_at(column, side, box[0].low, box[0].high)));
      places.push_back(static_cast<float>(step_at(row, side, box[1].high, box[1].low)));
    }
  }
  const HostTensor images = decode(session, places);
  return image_plane(image_batch(images, shape), box[0], box[1], "z1", "z2");
}

Canvas picture_interpolations(Session& session, const Dataset& data,
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
