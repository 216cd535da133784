// A chart is drawn in three steps: measure the data, draw the frame around it, draw the data.
#include "training/plot/chart.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/error.h"

namespace weft::training {

namespace {

constexpr Color grid_color{229, 231, 235};
constexpr Color axis_color{156, 163, 175};
constexpr Color label_color{85, 92, 104};
constexpr float label_height = 15;
constexpr float title_height = 20;
constexpr int margin = 28;

// Ranges of the values, and later of the axes.
struct Bounds {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  bool empty() const { return low > high; }
  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  // Room for the data to breathe; a single value gets a range around it.
  Bounds padded(double fraction) const {
    if (empty()) return {0, 1};
    const double span = high - low;
    const double room = span > 0 ? fraction * span : std::max(.1 * std::abs(low), .5);
    return {low - room, high + room};
  }
};

struct LegendEntry {
  std::string name;
  Color color;
  bool is_point = false;
  bool dashed = false;
};

// The plotted area in pixels and the map of values into it.
struct Axes {
  Bounds x;
  Bounds y;
  float left;
  float right;
  float top;
  float bottom;

  Place at(double x_value, double y_value) const {
    return {left + static_cast<float>((x_value - x.low) / (x.high - x.low)) * (right - left),
            bottom - static_cast<float>((y_value - y.low) / (y.high - y.low)) * (bottom - top)};
  }
};

double tick_step(double low, double high, int wanted, bool whole) {
  const double rough = (high - low) / std::max(1, wanted);
  const double power = std::pow(10., std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1., 2., 5.}) {
    if (factor * power >= .999 * rough) {
      step = factor * power;
      break;
    }
  }
  return whole ? std::max(1., std::round(step)) : step;
}

// As many decimals as tell neighbouring ticks apart; powers of ten for what is very large or small.
std::string tick_text(double value, double step, double largest) {
  if (std::abs(value) < step * 1e-6) return "0";
  if (largest >= 1e6 || largest < 1e-3) return fmt::format("{:.4g}", value);
  const int decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 9);
  return fmt::format("{:.{}f}", value, decimals);
}

std::vector<std::string> tick_texts(const std::vector<double>& ticks) {
  std::vector<std::string> texts;
  const double step = ticks.size() > 1 ? ticks[1] - ticks[0] : 1;
  const double largest = ticks.empty() ? 1 : std::max({std::abs(ticks.front()), std::abs(ticks.back())});
  for (const double tick : ticks) texts.push_back(tick_text(tick, step, largest));
  return texts;
}

float widest(const std::vector<std::string>& texts) {
  float width = 0;
  for (const std::string& text : texts) width = std::max(width, text_width(text, label_height));
  return width;
}

void dashed_line(Canvas& canvas, const std::vector<Place>& path, float width, Color color) {
  constexpr float dash = 11;
  constexpr float period = 19;
  float phase = 0;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    const Place along{path[i + 1].x - path[i].x, path[i + 1].y - path[i].y};
    const float length = std::hypot(along.x, along.y);
    const auto at = [&](float way) {
      return Place{path[i].x + along.x * way / length, path[i].y + along.y * way / length};
    };
    for (float way = 0; way < length;) {
      const bool inked = phase < dash;
      const float step = std::min((inked ? dash : period) - phase, length - way);
      if (inked) canvas.line(at(way), at(way + step), width, color);
      way += std::max(step, 1e-3F);
      phase += std::max(step, 1e-3F);
      if (phase >= period) phase = 0;
    }
  }
}

void solid_line(Canvas& canvas, const std::vector<Place>& path, float width, Color color) {
  for (std::size_t i = 0; i + 1 < path.size(); ++i) canvas.line(path[i], path[i + 1], width, color);
}

void draw_path(Canvas& canvas, const std::vector<Place>& path, const Series& series) {
  constexpr float width = 2.6F;
  if (path.size() == 1) canvas.disc(path[0], 4, series.color);
  if (series.dashed) {
    dashed_line(canvas, path, width, series.color);
  } else {
    solid_line(canvas, path, width, series.color);
  }
}

constexpr float legend_line = 28;
constexpr float legend_mark = 40;

float legend_width(const std::vector<LegendEntry>& legend) {
  float width = 0;
  for (const LegendEntry& entry : legend) width = std::max(width, text_width(entry.name, label_height));
  return legend.empty() ? 0 : width + legend_mark + 30;
}

void draw_legend(Canvas& canvas, const std::vector<LegendEntry>& legend, float left, float top) {
  for (std::size_t i = 0; i < legend.size(); ++i) {
    const LegendEntry& entry = legend[i];
    const float y = top + legend_line * (static_cast<float>(i) + .5F);
    const std::vector<Place> sample{{left, y}, {left + legend_mark - 12, y}};
    if (entry.is_point) {
      canvas.disc({left + legend_mark / 2 - 6, y}, 6.5F, entry.color);
    } else if (entry.dashed) {
      dashed_line(canvas, sample, 3, entry.color);
    } else {
      solid_line(canvas, sample, 3, entry.color);
    }
    canvas.text({left + legend_mark, y - label_height / 2}, entry.name, {.height = label_height});
  }
}

void draw_grid(Canvas& canvas, const Axes& axes, const std::vector<double>& x_ticks,
               const std::vector<double>& y_ticks) {
  const std::vector<std::string> x_texts = tick_texts(x_ticks);
  const std::vector<std::string> y_texts = tick_texts(y_ticks);
  // Grid lines sit on pixel centres: a line between two pixels would be grey twice.
  const auto crisp = [](float value) { return std::floor(value) + .5F; };
  for (std::size_t i = 0; i < x_ticks.size(); ++i) {
    const float x = crisp(axes.at(x_ticks[i], 0).x);
    canvas.line({x, axes.top}, {x, axes.bottom}, 1, grid_color);
    canvas.text({x, axes.bottom + 12}, x_texts[i],
                {.height = label_height, .color = label_color, .align = Align::centre});
  }
  for (std::size_t i = 0; i < y_ticks.size(); ++i) {
    const float y = crisp(axes.at(0, y_ticks[i]).y);
    canvas.line({axes.left, y}, {axes.right, y}, 1, grid_color);
    canvas.text({axes.left - 12, y - label_height / 2}, y_texts[i],
                {.height = label_height, .color = label_color, .align = Align::right});
  }
  canvas.line({crisp(axes.left), axes.top}, {crisp(axes.left), axes.bottom}, 1.5F, axis_color);
  canvas.line({axes.left, crisp(axes.bottom)}, {axes.right, crisp(axes.bottom)}, 1.5F, axis_color);
}

// Draws everything but the data and returns where the data goes.
Axes draw_frame(Canvas& canvas, const ChartFrame& frame, Bounds x, Bounds y, const std::vector<LegendEntry>& legend) {
  const std::vector<double> y_ticks = nice_ticks(y.low, y.high, 7);
  Axes axes{x, y, margin, 0, margin, 0};
  if (!frame.title.empty()) axes.top += title_height + 24;
  if (!frame.y_label.empty()) axes.left += label_height + 16;
  axes.left += widest(tick_texts(y_ticks)) + 12;
  axes.right = static_cast<float>(frame.width - margin) - legend_width(legend);
  axes.bottom = static_cast<float>(frame.height - margin) - label_height - 14;
  if (!frame.x_label.empty()) axes.bottom -= label_height + 16;
  axes.right = std::max(axes.right, axes.left + 10);
  axes.bottom = std::max(axes.bottom, axes.top + 10);

  draw_grid(canvas, axes, nice_ticks(x.low, x.high, 8, frame.whole_x), y_ticks);
  canvas.text({axes.left, margin}, frame.title, {.height = title_height, .bold = true});
  canvas.text({(axes.left + axes.right) / 2, static_cast<float>(frame.height) - margin - label_height}, frame.x_label,
              {.height = label_height, .align = Align::centre});
  canvas.text({margin, (axes.top + axes.bottom) / 2}, frame.y_label,
              {.height = label_height, .align = Align::centre, .upward = true});
  draw_legend(canvas, legend, axes.right + 24, axes.top);
  return axes;
}

void note_empty(Canvas& canvas, const Axes& axes) {
  canvas.text({(axes.left + axes.right) / 2, (axes.top + axes.bottom) / 2}, "no finite values",
              {.height = title_height, .color = label_color, .align = Align::centre});
}

void draw_marks(Canvas& canvas, const Axes& axes, const std::vector<Mark>& marks) {
  for (const auto& [x, text] : marks) {
    const float at = axes.at(x, 0).x;
    dashed_line(canvas, {{at, axes.top}, {at, axes.bottom}}, 1.5F, label_color);
    const bool turns = at - axes.left > axes.right - at;  // to the side with more room
    canvas.text({turns ? at - 8 : at + 8, axes.top + 2}, text,
                {.height = label_height, .color = label_color, .align = turns ? Align::right : Align::left});
  }
}

bool is_point(const Series& series, std::size_t i) { return std::isfinite(series.x[i]) && std::isfinite(series.y[i]); }

void check_scatter(const Scatter& scatter) {
  if (scatter.x.size() != scatter.y.size() || (!scatter.labels.empty() && scatter.labels.size() != scatter.x.size())) {
    fail("a scatter plot of {} x, {} y and {} labels; give as many of each", scatter.x.size(), scatter.y.size(),
         scatter.labels.size());
  }
  for (const std::int32_t label : scatter.labels) {
    if (label < 0 || static_cast<std::size_t>(label) >= scatter.class_names.size()) {
      fail("a scatter plot of {} classes holds the label {}", scatter.class_names.size(), label);
    }
  }
}

std::vector<LegendEntry> class_legend(const Scatter& scatter, const ChartFrame& frame) {
  std::vector<LegendEntry> legend;
  if (scatter.labels.empty()) return legend;
  const auto room = static_cast<std::size_t>(std::max(2.F, (static_cast<float>(frame.height) - 120) / legend_line));
  for (std::size_t i = 0; i < scatter.class_names.size(); ++i) {
    if (i + 1 == room && scatter.class_names.size() > room) {
      legend.push_back({fmt::format("and {} more", scatter.class_names.size() - i), white, true});
      break;
    }
    legend.push_back({scatter.class_names[i], series_color(static_cast<int>(i)), true});
  }
  return legend;
}

}  // namespace

Color series_color(int index) {
  constexpr Color palette[] = {{31, 119, 180}, {255, 127, 14},  {44, 160, 44},   {214, 39, 40},  {148, 103, 189},
                               {140, 86, 75},  {227, 119, 194}, {110, 110, 110}, {188, 189, 34}, {23, 190, 207}};
  constexpr int known = std::size(palette);
  if (index >= 0 && index < known) return palette[index];
  const double hue = std::fmod(.618033988749895 * index, 1.);  // golden ratio: far from all the hues before
  const auto channel = [hue](double shift) {
    return static_cast<std::uint8_t>(255 * (.45 + .35 * std::cos(6.283185307179586 * (hue + shift))));
  };
  return {channel(0), channel(1. / 3), channel(2. / 3)};
}

std::vector<double> nice_ticks(double low, double high, int wanted, bool whole) {
  std::vector<double> ticks;
  if (!(high > low) || !std::isfinite(high - low)) return ticks;
  const double step = tick_step(low, high, wanted, whole);
  for (double index = std::ceil(low / step - 1e-9); index * step <= high + 1e-9 * step; ++index) {
    ticks.push_back(index * step);
  }
  return ticks;
}

Picture line_chart(const ChartFrame& frame, const std::vector<Series>& series) {
  Bounds x;
  Bounds y;
  std::vector<LegendEntry> legend;
  for (const Series& one : series) {
    if (one.x.size() != one.y.size()) {
      fail("series '{}' of a chart has {} x but {} y", one.name, one.x.size(), one.y.size());
    }
    for (std::size_t i = 0; i < one.x.size(); ++i) {
      if (!is_point(one, i)) continue;
      x.include(one.x[i]);
      y.include(one.y[i]);
    }
    legend.push_back({one.name, one.color, false, one.dashed});
  }
  Canvas canvas(frame.width, frame.height);
  const Axes axes = draw_frame(canvas, frame, x.padded(.02), y.padded(.06), legend);
  if (x.empty()) note_empty(canvas, axes);
  draw_marks(canvas, axes, frame.marks);
  for (const Series& one : series) {
    std::vector<Place> path;  // up to a gap
    for (std::size_t i = 0; i < one.x.size(); ++i) {
      if (is_point(one, i)) {
        path.push_back(axes.at(one.x[i], one.y[i]));
      } else {
        draw_path(canvas, path, one);
        path.clear();
      }
    }
    draw_path(canvas, path, one);
  }
  return canvas.picture();
}

Picture scatter_plot(const ChartFrame& frame, const Scatter& scatter) {
  check_scatter(scatter);
  const auto is_finite = [&](std::size_t i) { return std::isfinite(scatter.x[i]) && std::isfinite(scatter.y[i]); };
  Bounds x;
  Bounds y;
  for (std::size_t i = 0; i < scatter.x.size(); ++i) {
    if (!is_finite(i)) continue;
    x.include(scatter.x[i]);
    y.include(scatter.y[i]);
  }
  Canvas canvas(frame.width, frame.height);
  const Axes axes = draw_frame(canvas, frame, x.padded(.04), y.padded(.04), class_legend(scatter, frame));
  if (x.empty()) note_empty(canvas, axes);
  // Many points are drawn smaller, so that a crowd still shows its shape.
  const float radius = std::clamp(110 / std::sqrt(static_cast<float>(scatter.x.size() + 1)), 2.F, 6.F);
  for (std::size_t i = 0; i < scatter.x.size(); ++i) {
    if (!is_finite(i)) continue;
    const Color color = series_color(scatter.labels.empty() ? 0 : scatter.labels[i]);
    canvas.disc(axes.at(scatter.x[i], scatter.y[i]), radius, color, .72F);
  }
  return canvas.picture();
}

}  // namespace weft::training
