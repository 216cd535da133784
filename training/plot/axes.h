// Axes of charts: ranges, round ticks, the plotted area and its grid.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "training/plot/canvas.h"

namespace weft::training {

inline constexpr double kLabelSize = 13, kTitleSize = 16;  // font sizes of charts

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  bool empty() const { return low > high; }
  void include(double value);
  // Adds a margin at both ends. A single value gets a range around it; an empty range becomes [0, 1].
  Range padded(double fraction) const;
};

// About `wanted` ticks within [low, high], at multiples of 1, 2 or 5 times a power of ten.
std::vector<double> nice_ticks(double low, double high, int wanted, bool whole = false);
// Uses as many decimals as distinguish neighbouring ticks.
std::vector<std::string> tick_texts(const std::vector<double>& ticks);

// The plotted area and the map of values into it.
struct Axes {
  Range x, y;
  double left = 0, right = 0, top = 0, bottom = 0;

  Place at(double x_value, double y_value) const;
};

struct Ticks {
  std::vector<double> x, y;
  bool x_texts = true, y_texts = true;
  double text_size = kLabelSize;
  bool grid = true;  // lines across the plotted area, else short ticks outside it
};

void draw_axes(Canvas& canvas, const Axes& axes, const Ticks& ticks);

}  // namespace weft::training
