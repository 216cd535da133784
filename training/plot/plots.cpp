// From batches of numbers to pictures, by the grids and charts below.
#include "training/plot/plots.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "ir/error.h"
#include "runtime/host_tensor.h"
#include "training/plot/chart.h"

namespace weft::training {

namespace {

constexpr int gap = 4;
constexpr float caption_height = 12;
constexpr float panel_title_height = 16;

void check_batch(const ImageBatch& batch) {
  const auto& shape = batch.shape;
  if (shape.size() != 4 || (shape[1] != 1 && shape[1] != 3) || *std::ranges::min_element(shape) < 1) {
    fail("images of shape [{}]; pictures take [N,C,H,W] with 1 or 3 channels", fmt::join(shape, ","));
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

// One picture an image, always RGB.
std::vector<Picture> pictures_of(const ImageBatch& batch) {
  check_batch(batch);
  const auto count = static_cast<std::size_t>(batch.shape[0]);
  const auto channels = static_cast<std::size_t>(batch.shape[1]);
  const auto plane = static_cast<std::size_t>(batch.shape[2] * batch.shape[3]);
  std::vector<Picture> pictures;
  for (std::size_t n = 0; n < count; ++n) {
    const float* red = batch.values.data() + n * channels * plane;
    const float* green = channels == 3 ? red + plane : red;
    const float* blue = channels == 3 ? green + plane : red;
    Picture picture{static_cast<int>(batch.shape[3]), static_cast<int>(batch.shape[2]), 3, {}};
    picture.pixels.reserve(3 * plane);
    for (std::size_t i = 0; i < plane; ++i) {
      const Color color = color_of(red[i], green[i], blue[i]);
      picture.pixels.insert(picture.pixels.end(), {color.r, color.g, color.b});
    }
    pictures.push_back(std::move(picture));
  }
  return pictures;
}

// Small images are enlarged to about 64 pixels.
int scale_of(const Picture& picture) { return std::max(1, 64 / std::max(picture.width, picture.height)); }

}  // namespace

Picture captioned_rows(const std::vector<CaptionedRow>& rows, int columns) {
  if (rows.empty()) fail("a picture of no rows");
  if (columns < 1) fail("a grid of {} columns", columns);
  std::vector<std::vector<Picture>> pictures;
  float widest = 0;
  for (const auto& [caption, images] : rows) {
    if (images.shape != rows[0].images.shape)
      fail("'{}' are [{}], but '{}' [{}]", rows[0].caption, fmt::join(rows[0].images.shape, ","), caption,
           fmt::join(images.shape, ","));
    pictures.push_back(pictures_of(images));
    widest = std::max(widest, text_width(caption, caption_height));
  }
  const Picture& first = pictures[0][0];
  const int count = static_cast<int>(pictures[0].size());
  const int shown = std::min(columns, count);
  const int scale = scale_of(first);
  const int step_x = first.width * scale + gap;
  const int step_y = first.height * scale + gap;
  const int group = static_cast<int>(rows.size()) * step_y + 3 * gap;
  const int left = static_cast<int>(widest) + 4 * gap;
  Canvas canvas(left + shown * step_x + gap, (count + shown - 1) / shown * group + gap);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (int i = 0; i < count; ++i) {
      const int y = 2 * gap + i / shown * group + static_cast<int>(row) * step_y;
      canvas.image(left + i % shown * step_x, y, pictures[row][static_cast<std::size_t>(i)], scale);
      if (i % shown != 0) continue;
      const float middle = static_cast<float>(y) + (static_cast<float>(step_y - gap) - caption_height) / 2;
      canvas.text({static_cast<float>(left - 2 * gap), middle}, rows[row].caption,
                  {.height = caption_height, .align = Align::right});
    }
  }
  return canvas.picture();
}

Picture sample_grid(const ImageBatch& samples, int columns) {
  const std::vector<Picture> pictures = pictures_of(samples);
  return image_grid(pictures,
                    {.columns = columns, .scale = scale_of(pictures[0]), .gap = gap, .background = {38, 42, 50}});
}

Picture latent_map(std::span<const float> points, std::span<const std::int32_t> labels,
                   const std::vector<std::string>& class_names, const std::string& title, const std::string& axis) {
  if (points.size() % 2 != 0) fail("a latent map takes points [N,2], but {} values were given", points.size());
  std::vector<float> x;
  std::vector<float> y;
  for (std::size_t i = 0; i < points.size(); i += 2) {
    x.push_back(points[i]);
    y.push_back(points[i + 1]);
  }
  return scatter_plot({.title = title, .x_label = axis + "1", .y_label = axis + "2", .width = 1100, .height = 900},
                      {x, y, labels, class_names});
}

Picture panels(const std::vector<Picture>& pictures, std::size_t columns) {
  if (pictures.empty()) fail("a picture of no panels");
  if (columns == 0) columns = pictures.size();
  std::vector<int> left{0}, top{0};  // of each column and row, and where the last ends
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const std::size_t column = i % columns, row = i / columns;
    if (left.size() < column + 2) left.push_back(left.back());
    if (top.size() < row + 2) top.push_back(top.back());
    left[column + 1] = std::max(left[column + 1], left[column] + pictures[i].width);
    top[row + 1] = std::max(top[row + 1], top[row] + pictures[i].height);
  }
  Canvas canvas(left.back(), top.back());
  for (std::size_t i = 0; i < pictures.size(); ++i) canvas.image(left[i % columns], top[i / columns], pictures[i]);
  return canvas.picture();
}

Picture titled(const Picture& picture, const std::string& title) {
  const int head = static_cast<int>(panel_title_height) + 4 * gap;
  const int width = std::max(picture.width, static_cast<int>(text_width(title, panel_title_height)) + 4 * gap);
  Canvas canvas(width + 2 * gap, head + picture.height + 2 * gap);
  canvas.text({2.0F * gap, 2.0F * gap}, title, {.height = panel_title_height, .bold = true});
  canvas.image(gap, head, picture);
  return canvas.picture();
}

// --- Curves ----------------------------------------------------------------------------------------------------------

namespace {

// Where validation was best; a run that goes on for long after it learns its training images by heart.
std::vector<Mark> overfitting_marks(const LossCurve& curve) {
  constexpr double noticeable = .01;  // of the best validation loss
  if (curve.name != "loss" || curve.validation.size() < 2 || curve.train.size() != curve.validation.size()) return {};
  const auto best = std::ranges::min_element(curve.validation) - curve.validation.begin();
  const auto at = static_cast<std::size_t>(best);
  const double least = curve.validation[at], rise = curve.validation.back() - least;
  const bool overfits = curve.train.back() < curve.train[at] && rise > noticeable * std::abs(least);
  const double epoch = static_cast<double>(best) + 1;
  return {{epoch, fmt::format("best epoch {}{}", epoch, overfits ? "; overfitting after" : "")}};
}

Picture chart_of(const LossCurve& curve, int width, int height) {
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
  return line_chart(frame, series);
}

}  // namespace

Picture loss_curves(const std::vector<LossCurve>& curves) {
  constexpr int width = 1200, height = 720;
  if (curves.size() <= 1) return chart_of(curves.empty() ? LossCurve{"loss", {}, {}} : curves[0], width, height);
  std::vector<Picture> charts;
  for (const LossCurve& curve : curves) charts.push_back(chart_of(curve, width * 3 / 4, height * 3 / 4));
  return panels(charts, 2);
}

}  // namespace weft::training
