// Line charts and scatter plots: axes, ticks, grid and legend on a Canvas.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "training/plot/axes.h"
#include "training/plot/canvas.h"

namespace weft::training {

// Ten distinct colours, then further hues.
Color series_color(int index);

struct Series {
  std::string name;
  std::vector<double> x;
  std::vector<double> y;  // as many as x; values that are not finite leave a gap
  Color color;
  bool dashed = false;
};

// A dashed vertical line with a label at its top.
struct Mark {
  double x = 0;
  std::string text;
};

struct ChartFrame {
  std::string title = {};
  std::string x_label = {};
  std::string y_label = {};
  bool whole_x = false;  // ticks only at whole numbers, for epochs
  int width = 760;
  int height = 460;
  std::vector<Mark> marks = {};
  std::optional<Range> x_range = {};  // default: the range of the data
  std::optional<Range> y_range = {};
  bool legend = true;
};

// The legend is above the plot. Throws Error if x and y of a series differ in number. Without finite points, draws an
// empty frame that says so.
Canvas line_chart(const ChartFrame& frame, const std::vector<Series>& series);

struct Scatter {
  std::span<const float> x;
  std::span<const float> y;              // as many as x; points that are not finite are skipped
  std::span<const std::int32_t> labels;  // as many, indices of class_names; or empty: one colour, no legend
  std::vector<std::string> class_names;
};

// The legend is on the right. Throws Error if the numbers of x, y and labels differ, or a label has no class name.
Canvas scatter_plot(const ChartFrame& frame, const Scatter& scatter);

struct LegendEntry {
  enum class Mark : std::uint8_t { line, dashes, disc, box };
  std::string name;
  Color color;
  Mark mark = Mark::line;
};

// Draws a row that ends at `right`, centred on `y`; returns its left end.
double draw_legend_row(Canvas& canvas, const std::vector<LegendEntry>& entries, double right, double y);
// A legend of classes, one below the other; the last line counts the classes that do not fit.
Canvas class_legend(const std::vector<std::string>& class_names, int height);

}  // namespace weft::training
