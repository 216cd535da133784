// Draws a chart in three steps: measure the data, draw the frame around it, draw the data.
#include "training/plot/chart.h"

#include <algorithm>
#include <cmath>

#include "ir/error.h"

namespace weft::training {

namespace {

constexpr double kMargin = 18;
constexpr double kHead = 34;                        // of title and legend above the plot
constexpr double kLegendMark = 26, kLegendGap = 8;  // width of an entry's mark, and the gap before its name
constexpr double kLegendLine = 22,
                 kLegendStep = 18;  // height of an entry in a column, and the gap between entries in a row

double widest(const std::vector<std::string>& texts) {
  double width = 0;
  for (const std::string& text : texts) width = std::max(width, text_width(text, kLabelSize));
  return width;
}

void draw_entry(Canvas& canvas, const LegendEntry& entry, double left, double y) {
  const Place middle{left + kLegendMark / 2, y};
  switch (entry.mark) {
    case LegendEntry::Mark::disc:
      canvas.discs({&middle, 1}, 5, entry.color);
      break;
    case LegendEntry::Mark::box:
      canvas.rectangle(middle.x - 6, y - 6, 12, 12, entry.color);
      break;
    case LegendEntry::Mark::line:
    case LegendEntry::Mark::dashes:
      canvas.line({left, y}, {left + kLegendMark, y},
                  {.width = 2, .color = entry.color, .dashed = entry.mark == LegendEntry::Mark::dashes});
  }
  canvas.text({left + kLegendMark + kLegendGap, y}, entry.name, {.size = kLabelSize});
}

// Draws everything but the data and returns the axes for the data.
Axes draw_frame(Canvas& canvas, const ChartFrame& frame, Range x, Range y, const std::vector<LegendEntry>& legend) {
  x = frame.x_range.value_or(x);
  y = frame.y_range.value_or(y);
  const double line = kLabelSize + 8;
  const Ticks ticks{.x = nice_ticks(x.low, x.high, frame.width / 70, frame.whole_x),
                    .y = nice_ticks(y.low, y.high, frame.height / 60)};
  Axes axes{x, y, kMargin, frame.width - kMargin, kMargin, frame.height - kMargin};
  if (!frame.title.empty() || !legend.empty()) axes.top += kHead - kMargin / 2;
  axes.left += (frame.y_label.empty() ? 0 : line) + widest(tick_texts(ticks.y)) + 9;
  axes.bottom -= (frame.x_label.empty() ? 0 : line) + line;
  axes.right = std::max(axes.right, axes.left + 10);
  axes.bottom = std::max(axes.bottom, axes.top + 10);

  draw_axes(canvas, axes, ticks);
  canvas.text({axes.left, kMargin}, frame.title, {.size = kTitleSize, .bold = true});
  canvas.text({(axes.left + axes.right) / 2, frame.height - kMargin}, frame.x_label,
              {.size = kLabelSize, .align = Align::centre});
  canvas.text({kMargin, (axes.top + axes.bottom) / 2}, frame.y_label,
              {.size = kLabelSize, .align = Align::centre, .upward = true});
  draw_legend_row(canvas, legend, axes.right, kMargin);
  return axes;
}

void note_empty(Canvas& canvas, const Axes& axes) {
  canvas.text({(axes.left + axes.right) / 2, (axes.top + axes.bottom) / 2}, "no finite values",
              {.size = kTitleSize, .color = kQuietInk, .align = Align::centre});
}

void draw_marks(Canvas& canvas, const Axes& axes, const std::vector<Mark>& marks) {
  for (const auto& [x, text] : marks) {
    const double at = std::floor(axes.at(x, axes.y.low).x) + .5;
    canvas.line({at, axes.top}, {at, axes.bottom}, {.color = kQuietInk, .dashed = true});
    const bool turns = at - axes.left > axes.right - at;  // to the side with more room
    const double width = text_width(text, kLabelSize) + 8;
    canvas.rectangle(turns ? at - 4 - width : at + 4, axes.top, width, kLabelSize + 6, kWhite, .85);
    canvas.text({turns ? at - 8 : at + 8, axes.top + kLabelSize / 2 + 2}, text,
                {.size = kLabelSize, .color = kQuietInk, .align = turns ? Align::right : Align::left});
  }
}

void draw_series(Canvas& canvas, const Axes& axes, const Series& series) {
  const auto draw = [&](const std::vector<Place>& path) {
    if (path.size() == 1) canvas.discs(path, 3.5, series.color);
    if (path.size() > 1) canvas.path(path, {.width = 2, .color = series.color, .dashed = series.dashed});
  };
  std::vector<Place> path;  // up to a gap
  for (std::size_t i = 0; i < series.x.size(); ++i) {
    if (std::isfinite(series.x[i]) && std::isfinite(series.y[i])) {
      path.push_back(axes.at(series.x[i], series.y[i]));
    } else {
      draw(path);
      path.clear();
    }
  }
  draw(path);
}

void check_scatter(const Scatter& scatter) {
  if (scatter.x.size() != scatter.y.size() || (!scatter.labels.empty() && scatter.labels.size() != scatter.x.size())) {
    fail("a scatter plot of {} x, {} y and {} labels; give the same number of each", scatter.x.size(), scatter.y.size(),
         scatter.labels.size());
  }
  for (const std::int32_t label : scatter.labels) {
    if (label < 0 || static_cast<std::size_t>(label) >= scatter.class_names.size()) {
      fail("a scatter plot of {} classes has the label {}", scatter.class_names.size(), label);
    }
  }
}

// Draws in the order of the points, so that no class covers another, but some hundred at once: thousands of shapes are
// slow to display.
void draw_points(Canvas& canvas, const Axes& axes, const Scatter& scatter) {
  constexpr std::size_t kTogether = 200;
  // The more points, the smaller they are, so that a dense cloud still shows its shape.
  const double radius = std::clamp(70 / std::sqrt(static_cast<double>(scatter.x.size() + 1)), 1.6, 4.0);
  for (std::size_t begin = 0; begin < scatter.x.size(); begin += kTogether) {
    std::vector<std::vector<Place>> of_class(std::max<std::size_t>(1, scatter.class_names.size()));
    for (std::size_t i = begin; i < std::min(begin + kTogether, scatter.x.size()); ++i) {
      if (!std::isfinite(scatter.x[i]) || !std::isfinite(scatter.y[i])) continue;
      const std::size_t label = scatter.labels.empty() ? 0 : static_cast<std::size_t>(scatter.labels[i]);
      of_class[label].push_back(axes.at(scatter.x[i], scatter.y[i]));
    }
    for (std::size_t label = 0; label < of_class.size(); ++label)
      canvas.discs(of_class[label], radius, series_color(static_cast<int>(label)), .75);
  }
}

}  // namespace

Color series_color(int index) {
  constexpr Color palette[] = {{31, 119, 180}, {255, 127, 14},  {44, 160, 44},   {214, 39, 40},  {148, 103, 189},
                               {140, 86, 75},  {227, 119, 194}, {110, 110, 110}, {188, 189, 34}, {23, 190, 207}};
  constexpr int known = std::size(palette);
  if (index >= 0 && index < known) return palette[index];
  const double hue = std::fmod(.618033988749895 * index, 1.);  // golden ratio: far from all earlier hues
  const auto channel = [hue](double shift) {
    return static_cast<std::uint8_t>(255 * (.45 + .35 * std::cos(6.283185307179586 * (hue + shift))));
  };
  return {channel(0), channel(1. / 3), channel(2. / 3)};
}

double draw_legend_row(Canvas& canvas, const std::vector<LegendEntry>& entries, double right, double y) {
  double left = right;
  for (const LegendEntry& entry : entries)
    left -= kLegendMark + kLegendGap + text_width(entry.name, kLabelSize) + kLegendStep;
  if (!entries.empty()) left += kLegendStep;
  double at = left;
  for (const LegendEntry& entry : entries) {
    draw_entry(canvas, entry, at, y);
    at += kLegendMark + kLegendGap + text_width(entry.name, kLabelSize) + kLegendStep;
  }
  return left;
}

Canvas class_legend(const std::vector<std::string>& class_names, int height) {
  const auto room = static_cast<std::size_t>(std::max(2.0, (height - kMargin - kHead) / kLegendLine));
  const bool fits = class_names.size() <= room;
  std::vector<LegendEntry> entries;
  for (std::size_t i = 0; i < (fits ? class_names.size() : room - 1); ++i)
    entries.push_back({class_names[i], series_color(static_cast<int>(i)), LegendEntry::Mark::disc});
  if (!fits)
    entries.push_back(
        {fmt::format("and {} more", class_names.size() - entries.size()), kWhite, LegendEntry::Mark::disc});
  double width = 0;
  for (const LegendEntry& entry : entries) width = std::max(width, text_width(entry.name, kLabelSize));
  Canvas canvas(static_cast<int>(std::ceil(kLegendMark + kLegendGap + width + kMargin)), height);
  for (std::size_t i = 0; i < entries.size(); ++i)
    draw_entry(canvas, entries[i], 0, kHead + kLegendLine * (static_cast<double>(i) + .5));
  return canvas;
}

Canvas line_chart(const ChartFrame& frame, const std::vector<Series>& series) {
  Range x, y;
  std::vector<LegendEntry> legend;
  for (const Series& one : series) {
    if (one.x.size() != one.y.size())
      fail("series '{}' of a chart has {} x but {} y", one.name, one.x.size(), one.y.size());
    for (std::size_t i = 0; i < one.x.size(); ++i) {
      if (!std::isfinite(one.x[i]) || !std::isfinite(one.y[i])) continue;
      x.include(one.x[i]);
      y.include(one.y[i]);
    }
    if (frame.legend)
      legend.push_back({one.name, one.color, one.dashed ? LegendEntry::Mark::dashes : LegendEntry::Mark::line});
  }
  Canvas canvas(frame.width, frame.height);
  const Axes axes = draw_frame(canvas, frame, x.padded(.02), y.padded(.06), legend);
  if (x.empty()) note_empty(canvas, axes);
  for (const Series& one : series) draw_series(canvas, axes, one);
  draw_marks(canvas, axes, frame.marks);
  return canvas;
}

Canvas scatter_plot(const ChartFrame& frame, const Scatter& scatter) {
  check_scatter(scatter);
  Range x, y;
  for (std::size_t i = 0; i < scatter.x.size(); ++i) {
    if (!std::isfinite(scatter.x[i]) || !std::isfinite(scatter.y[i])) continue;
    x.include(scatter.x[i]);
    y.include(scatter.y[i]);
  }
  Canvas canvas(frame.width, frame.height);
  ChartFrame plot = frame;
  if (frame.legend && !scatter.labels.empty()) {
    const Canvas legend = class_legend(scatter.class_names, frame.height);
    plot.width = std::max(frame.width / 2, frame.width - legend.width());
    canvas.draw(plot.width, 0, legend);
  }
  const Axes axes = draw_frame(canvas, plot, x.padded(.04), y.padded(.04), {});
  if (x.empty()) note_empty(canvas, axes);
  draw_points(canvas, axes, scatter);
  return canvas;
}

}  // namespace weft::training
