// Computes views, their projections, and the matrix of similarities.
#include "training/runs/illustrate_similarity.h"

#include <algorithm>
#include <cmath>

#include "ir/error.h"
#include "training/evaluation/codes.h"
#include "training/plot/axes.h"

namespace weft::training {

namespace {

using runtime::HostTensor;

constexpr int kCell = 12, kMargin = 36, kHead = 44, kBar = 60;
constexpr Color kAlike{24, 78, 142}, kUnlike{196, 88, 40};
constexpr Pen kFrame{.width = 1.5, .color = {20, 20, 20}};

// f32 [count,D]: the projections of one random view of each sample.
HostTensor projections(Session& session, const Dataset& data, std::uint64_t draw) {
  runtime::NamedTensors outputs = session.run("project", {{"x", view_of(session, data, draw)}});
  return std::move(output_of(outputs, "project", "z"));
}

// White at 0, blue towards 1, orange towards -1.
Color color_of(double similarity) {
  const Color& full = similarity < 0 ? kUnlike : kAlike;
  const double share = std::isfinite(similarity) ? std::min(1.0, std::abs(similarity)) : 0;
  const auto mix = [&](std::uint8_t to) { return static_cast<std::uint8_t>(std::lround(255 + share * (to - 255))); };
  return {mix(full.r), mix(full.g), mix(full.b)};
}

// From 1 at its top to -1.
void draw_color_bar(Canvas& canvas, double x, double top, double height) {
  constexpr double kWidth = 18;
  constexpr int kSteps = 100;
  for (int step = 0; step < kSteps; ++step)
    canvas.rectangle(x, top + step * height / kSteps, kWidth, height / kSteps + .5,
                     color_of(1 - 2 * (step + .5) / kSteps));
  canvas.outline(x, top, kWidth, height, {.color = kQuietInk});
  for (const double similarity : {1.0, .5, .0, -.5, -1.0}) {
    const double y = top + (1 - similarity) / 2 * height;
    canvas.line({x + kWidth, y}, {x + kWidth + 5, y}, {.color = kQuietInk});
    canvas.text({x + kWidth + 10, y}, fmt::format("{:g}", similarity), {.size = kLabelSize, .color = kQuietInk});
  }
}

}  // namespace

bool is_contrastive(const Session& session) { return session.has("augment") && session.has("project"); }

Canvas picture_similarity(Session& session, const Dataset& data, std::int64_t count) {
  const Dataset shown = first_of(data, count);
  const std::int64_t samples = shown.size();
  std::vector<float> rows;
  for (const std::uint64_t draw : {0, 1}) {
    const HostTensor z = projections(session, shown, draw);
    rows.insert(rows.end(), z.as<float>().begin(), z.as<float>().end());
  }
  const std::int64_t views = 2 * samples, width = static_cast<std::int64_t>(rows.size()) / views;

  const int side = static_cast<int>(views) * kCell, top = kMargin + kHead;
  Canvas canvas(side + 2 * kMargin + kBar, top + side + kMargin);
  canvas.text({kMargin, kMargin}, "Similarity of two views of each image", {.size = kTitleSize, .bold = true});
  canvas.outline(kMargin + .5, top - kHead / 2. - 5.5, kCell - 1, kCell - 1, kFrame);
  canvas.text({kMargin + 18, top - kHead / 2.}, "the positive pairs: views of the same image", {.size = kLabelSize});
  for (std::int64_t i = 0; i < views; ++i)
    for (std::int64_t j = 0; j < views; ++j) {
      double similarity = 0;
      for (std::int64_t k = 0; k < width; ++k)
        similarity += double(rows[static_cast<std::size_t>(i * width + k)]) *
                      double(rows[static_cast<std::size_t>(j * width + k)]);
      const int x = kMargin + static_cast<int>(j) * kCell, y = top + static_cast<int>(i) * kCell;
      canvas.rectangle(x, y, kCell, kCell, color_of(similarity));
      if (i != j && i % samples == j % samples) canvas.outline(x + .75, y + .75, kCell - 1.5, kCell - 1.5, kFrame);
    }
  canvas.outline(kMargin, top, side, side, {.color = kQuietInk});
  const double half = side / 4.0;
  for (const auto& [at, text] : {std::pair(half, "first views"), std::pair(3 * half, "second views")}) {
    canvas.text({kMargin + at, top + side + kMargin / 2.0}, text, {.size = kLabelSize, .align = Align::centre});
    canvas.text({kMargin / 2.0, top + side - at}, at == half ? "second views" : "first views",
                {.size = kLabelSize, .align = Align::centre, .upward = true});
  }
  draw_color_bar(canvas, kMargin + side + 24, top, side);
  return canvas;
}

}  // namespace weft::training
