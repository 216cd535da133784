// Views, their projections, and the matrix between them.
#include "training/runs/illustrate_similarity.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ir/error.h"
#include "training/evaluation/codes.h"

namespace weft::training {

namespace {

using runtime::HostTensor;

constexpr int kCell = 10, kMargin = 44;
constexpr Color kAlike{24, 78, 142}, kUnlike{196, 88, 40}, kPositive{20, 20, 20};

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

void frame(Canvas& canvas, int x, int y) {
  const auto left = float(x) + .5f, top = float(y) + .5f, right = left + kCell - 1, bottom = top + kCell - 1;
  const std::array<Segment, 4> sides = {Segment{{left, top}, {right, top}}, Segment{{right, top}, {right, bottom}},
                                        Segment{{right, bottom}, {left, bottom}}, Segment{{left, bottom}, {left, top}}};
  canvas.strokes(sides, 1.5f, kPositive);
}

}  // namespace

bool is_contrastive(const Session& session) { return session.has("augment") && session.has("project"); }

Picture picture_similarity(Session& session, const Dataset& data, std::int64_t count) {
  const Dataset shown = first_of(data, count);
  const std::int64_t samples = shown.size();
  std::vector<float> rows;
  for (const std::uint64_t draw : {0, 1}) {
    const HostTensor z = projections(session, shown, draw);
    rows.insert(rows.end(), z.as<float>().begin(), z.as<float>().end());
  }
  const std::int64_t views = 2 * samples, width = static_cast<std::int64_t>(rows.size()) / views;

  const int side = static_cast<int>(views) * kCell;
  Canvas canvas(side + 2 * kMargin, side + 2 * kMargin);
  canvas.text({kMargin, 14}, "Similarity of two views of each image; framed: the positive pairs", {.height = 9});
  canvas.text({kMargin, 28}, "blue: alike, 1; white: 0; orange: opposite, -1", {.height = 9});
  for (std::int64_t i = 0; i < views; ++i)
    for (std::int64_t j = 0; j < views; ++j) {
      double similarity = 0;
      for (std::int64_t k = 0; k < width; ++k)
        similarity += double(rows[static_cast<std::size_t>(i * width + k)]) *
                      double(rows[static_cast<std::size_t>(j * width + k)]);
      const int x = kMargin + static_cast<int>(j) * kCell, y = kMargin + static_cast<int>(i) * kCell;
      canvas.rectangle(x, y, kCell, kCell, color_of(similarity));
      if (i != j && i % samples == j % samples) frame(canvas, x, y);
    }
  const auto half = float(side) / 4;
  for (const auto& [at, text] : {std::pair(half, "first views"), std::pair(3 * half, "second views")}) {
    canvas.text({kMargin + at, kMargin + float(side) + 10}, text, {.height = 9, .align = Align::centre});
    canvas.text({kMargin - 20, kMargin + at}, text, {.height = 9, .align = Align::centre, .upward = true});
  }
  return canvas.picture();
}

}  // namespace weft::training
