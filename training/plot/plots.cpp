// Draws batches of numbers as grids and charts.
#include "training/plot/plots.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "ir/error.h"
#include "runtime/host_tensor.h"
#include "training/plot/chart.h"

namespace weft::training {

namespace {

constexpr int kGap = 4;
constexpr double kCaption = 15;  // font size

void check_batch(const ImageBatch& batch) {
  const auto& shape = batch.shape;
  if (shape.size() != 4 || (shape[1] != 1 && shape[1] != 3) || *std::ranges::min_element(shape) < 1) {
    fail("cannot draw images of shape [{}]; a picture takes [N,C,H,W] with 1 or 3 channels", fmt::join(shape, ","));
  }
  if (runtime::element_count(shape) != static_cast<std::int64_t>(batch.values.size())) {
    fail("images of shape [{}] take {} values, but {} were given", fmt::join(shape, ","), runtime::element_count(shape),
         batch.values.size());
  }
}

Color color_of(float r, float g, float b) {
  if (!std::isfinite(r + g + b)) return {255, 0, 0};
  const auto byte = [](float value) { return static_cast<std::uint8_t>(std::clamp(value, 0.F, 1.F) * 255 + .5F); };
  return {byte(r), byte(g), byte(b)};
}

// The images of a batch, always RGB.
std::vector<Image> images_of(const ImageBatch& batch) {
  check_batch(batch);
  const auto count = static_cast<std::size_t>(batch.shape[0]);
  const auto channels = static_cast<std::size_t>(batch.shape[1]);
  const auto plane = static_cast<std::size_t>(batch.shape[2] * batch.shape[3]);
  std::vector<Image> images;
  for (std::size_t n = 0; n < count; ++n) {
    const float* red = batch.values.data() + n * channels * plane;
    const float* green = channels == 3 ? red + plane : red;
    const float* blue = channels == 3 ? green + plane : red;
    Image image{static_cast<int>(batch.shape[3]), static_cast<int>(batch.shape[2]), 3, {}};
    image.pixels.reserve(3 * plane);
    for (std::size_t i = 0; i < plane; ++i) {
      const Color color = color_of(red[i], green[i], blue[i]);
      image.pixels.insert(image.pixels.end(), {color.r, color.g, color.b});
    }
    images.push_back(std::move(image));
  }
  return images;
}

// Enlarges small images to about 64 pixels.
int scale_of(const Image& image) { return std::max(1, 64 / std::max(image.width, image.height)); }

}  // namespace

Canvas captioned_rows(const std::vector<CaptionedRow>& rows, int columns, const ColumnAxis& axis) {
  if (rows.empty()) fail("a picture needs at least one row");
  if (columns < 1) fail("cannot draw a grid of {} columns", columns);
  std::vector<std::vector<Image>> tiles;
  double widest = text_width(axis.name, kCaption);
  for (const auto& [caption, images] : rows) {
    if (images.shape != rows[0].images.shape)
      fail("'{}' has shape [{}], but '{}' has [{}]", rows[0].caption, fmt::join(rows[0].images.shape, ","), caption,
           fmt::join(images.shape, ","));
    tiles.push_back(images_of(images));
    widest = std::max(widest, text_width(caption, kCaption));
  }
  const Image& first = tiles[0][0];
  const int count = static_cast<int>(tiles[0].size());
  const int shown = std::min(columns, count);
  const int scale = scale_of(first);
  const int step_x = first.width * scale + kGap;
  const int step_y = first.height * scale + kGap;
  const int group = static_cast<int>(rows.size()) * step_y + 3 * kGap;
  const int left = static_cast<int>(std::ceil(widest)) + 4 * kGap;
  const int head = axis.texts.empty() ? 2 * kGap : static_cast<int>(kCaption) + 4 * kGap;
  Canvas canvas(left + shown * step_x + kGap, head + (count + shown - 1) / shown * group - kGap);
  const auto caption = [&](double y, const std::string& text) {
    canvas.text({left - 2.0 * kGap, y}, text, {.size = kCaption, .align = Align::right});
  };
  if (!axis.texts.empty()) caption(head / 2.0, axis.name);
  for (std::size_t i = 0; i < axis.texts.size(); ++i)
    canvas.text({left + (static_cast<double>(i) + .5) * step_x - kGap / 2.0, head / 2.0}, axis.texts[i],
                {.size = kLabelSize, .color = kQuietInk, .align = Align::centre});
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (int i = 0; i < count; ++i) {
      const int y = head + i / shown * group + static_cast<int>(row) * step_y;
      canvas.image(left + i % shown * step_x, y, tiles[row][static_cast<std::size_t>(i)], scale);
      if (i % shown == 0) caption(y + (step_y - kGap) / 2.0, rows[row].caption);
    }
  }
  return canvas;
}

Canvas sample_grid(const ImageBatch& samples, int columns) {
  const std::vector<Image> tiles = images_of(samples);
  return image_grid(tiles, {.columns = columns, .scale = scale_of(tiles[0]), .gap = kGap, .background = {38, 42, 50}});
}

Canvas image_plane(const ImageBatch& images, const Range& x, const Range& y, const std::string& x_label,
                   const std::string& y_label) {
  const std::vector<Image> tiles = images_of(images);
  const int side = static_cast<int>(std::lround(std::sqrt(static_cast<double>(tiles.size()))));
  if (side < 2 || static_cast<std::size_t>(side) * static_cast<std::size_t>(side) != tiles.size())
    fail("a plane of {} images; it takes a square number, at least 4", tiles.size());
  const Canvas grid = image_grid(tiles, {.columns = side, .scale = scale_of(tiles[0]), .gap = 0});
  constexpr int kLeft = 84, kBottom = 76, kAround = 16;
  constexpr double kText = 20;  // large, because the plane is usually scaled down
  Canvas canvas(kLeft + grid.width() + kAround, kAround + grid.height() + kBottom);
  canvas.draw(kLeft, kAround, grid);
  const double half_x = (x.high - x.low) / (side - 1) / 2, half_y = (y.high - y.low) / (side - 1) / 2;
  const Axes axes{{x.low - half_x, x.high + half_x},
                  {y.low - half_y, y.high + half_y},
                  kLeft,
                  double(kLeft + grid.width()),
                  kAround,
                  double(kAround + grid.height())};
  draw_axes(canvas, axes,
            {.x = nice_ticks(axes.x.low, axes.x.high, 9),
             .y = nice_ticks(axes.y.low, axes.y.high, 9),
             .text_size = kText,
             .grid = false});
  canvas.text({(axes.left + axes.right) / 2, canvas.height() - kText}, x_label,
              {.size = kText, .align = Align::centre});
  canvas.text({kText, (axes.top + axes.bottom) / 2}, y_label, {.size = kText, .align = Align::centre, .upward = true});
  return canvas;
}

Canvas latent_maps(const std::vector<LatentMap>& maps, std::span<const std::int32_t> labels,
                   const std::vector<std::string>& class_names) {
  // Together about as wide as a page.
  const int width = maps.size() == 1 ? 760 : maps.size() == 2 ? 500 : 360;
  const int height = maps.size() == 1 ? 640 : maps.size() == 2 ? 480 : 380;
  std::vector<Canvas> canvases;
  for (const LatentMap& map : maps) {
    if (map.points.size() % 2 != 0)
      fail("a latent map takes points [N,2], but {} values were given", map.points.size());
    std::vector<float> x, y;
    for (std::size_t i = 0; i < map.points.size(); i += 2) {
      x.push_back(map.points[i]);
      y.push_back(map.points[i + 1]);
    }
    canvases.push_back(scatter_plot({.title = map.title,
                                     .x_label = map.axis + "1",
                                     .y_label = map.axis + "2",
                                     .width = width,
                                     .height = height,
                                     .legend = false},
                                    {x, y, labels, class_names}));
  }
  if (!labels.empty()) canvases.push_back(class_legend(class_names, height));
  return panels(canvases);
}

Canvas panels(const std::vector<Canvas>& canvases) {
  if (canvases.empty()) fail("a picture needs at least one panel");
  int width = 0, height = 0;
  for (const Canvas& canvas : canvases) {
    width += canvas.width();
    height = std::max(height, canvas.height());
  }
  Canvas whole(width, height);
  int left = 0;
  for (const Canvas& canvas : canvases) {
    whole.draw(left, 0, canvas);
    left += canvas.width();
  }
  return whole;
}

Canvas titled(const Canvas& canvas, const std::string& title) {
  constexpr int kTitleHeight = static_cast<int>(kTitleSize) + 4 * kGap;
  const int text = static_cast<int>(std::ceil(text_width(title, kTitleSize, true))) + 2 * kGap;
  Canvas whole(std::max(canvas.width(), text) + 2 * kGap, kTitleHeight + canvas.height() + 2 * kGap);
  whole.text({2.0 * kGap, kTitleHeight / 2.0}, title, {.size = kTitleSize, .bold = true});
  whole.draw(kGap, kTitleHeight, canvas);
  return whole;
}

// --- Curves ----------------------------------------------------------------------------------------------------------

namespace {

// Marks the epoch of the best validation loss, and says if the run overfits after it.
std::vector<Mark> overfitting_marks(const LossCurve& curve) {
  constexpr double noticeable = .01;  // relative to the best validation loss
  if (curve.name != "loss" || curve.validation.size() < 2 || curve.train.size() != curve.validation.size()) return {};
  const auto best = std::ranges::min_element(curve.validation) - curve.validation.begin();
  const auto at = static_cast<std::size_t>(best);
  const double least = curve.validation[at], rise = curve.validation.back() - least;
  const bool overfits = curve.train.back() < curve.train[at] && rise > noticeable * std::abs(least);
  const double epoch = static_cast<double>(best) + 1;
  return {{epoch, fmt::format("best epoch {}{}", epoch, overfits ? "; overfitting after" : "")}};
}

Canvas chart_of(const LossCurve& curve, int width, int height, bool legend) {
  std::vector<Series> series;
  const auto add = [&](const char* split, const std::vector<double>& values, bool dashed) {
    if (values.empty()) return;
    std::vector<double> epochs;
    for (std::size_t i = 1; i <= values.size(); ++i) epochs.push_back(static_cast<double>(i));
    series.push_back({split, epochs, values, series_color(dashed ? 1 : 0), dashed});
  };
  add("train", curve.train, false);
  add("validation", curve.validation, true);
  ChartFrame frame{.title = curve.name, .x_label = "epoch", .whole_x = true, .width = width, .height = height};
  frame.marks = overfitting_marks(curve);
  frame.legend = legend;
  return line_chart(frame, series);
}

}  // namespace

Canvas loss_curves(const std::vector<LossCurve>& curves) {
  constexpr int kWidth = 920, kHeight = 400, kSmallHeight = 280;
  constexpr std::size_t kAcross = 3;
  if (curves.empty()) return chart_of({"loss", {}, {}}, kWidth, kHeight, true);
  // The other charts fill as few rows of at most three as possible, evenly; each row is as wide as the first chart.
  const std::size_t others = curves.size() - 1, rows = (others + kAcross - 1) / kAcross;
  Canvas canvas(kWidth, kHeight + static_cast<int>(rows) * kSmallHeight);
  canvas.draw(0, 0, chart_of(curves[0], kWidth, kHeight, true));
  for (std::size_t row = 0, next = 1; row < rows; ++row) {
    const std::size_t here = (curves.size() - next + rows - row - 1) / (rows - row);
    const int width = kWidth / static_cast<int>(here);
    for (std::size_t column = 0; column < here; ++column, ++next)
      canvas.draw(static_cast<int>(column) * width, kHeight + static_cast<int>(row) * kSmallHeight,
                  chart_of(curves[next], width, kSmallHeight, false));
  }
  return canvas;
}

}  // namespace weft::training
