// Line charts and scatter plots: axes, ticks, grid and legend on a Canvas.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "training/plot/canvas.h"

namespace weft::training {

// Ten well-told-apart colours, then ever new hues.
Color series_color(int index);

struct Series {
  std::string name;
  std::vector<double> x;
  std::vector<double> y;  // as many as x; what is not finite leaves a gap
  Color color;
  bool dashed = false;
};

// A dashed vertical line with a word at its top.
struct Mark {
  double x = 0;
  std::string text;
};

struct ChartFrame {
  std::string title = {};
  std::string x_label = {};
  std::string y_label = {};
  bool whole_x = false;  // ticks only at whole numbers, as epochs are
  int width = 1200;
  int height = 720;
  std::vector<Mark> marks = {};
};

// Throws Error where x and y of a series differ in number. Without any finite point the frame is drawn and says so.
Picture line_chart(const ChartFrame& frame, const std::vector<Series>& series);

struct Scatter {
  std::span<const float> x;
  std::span<const float> y;              // as many as x; points that are not finite are left out
  std::span<const std::int32_t> labels;  // as many, indices of class_names; or empty: one colour, no legend
  std::vector<std::string> class_names;
};

// Throws Error where the numbers of x, y and labels differ, or a label has no class name.
Picture scatter_plot(const ChartFrame& frame, const Scatter& scatter);

// The multiples of 1, 2 or 5 times a power of ten within [low, high], about `wanted` of them.
std::vector<double> nice_ticks(double low, double high, int wanted, bool whole = false);

}  // namespace weft::training
