// Axes of charts: ranges, round ticks, the plotted area and its grid.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "training/plot/canvas.h"

namespace weft::training {

inline constexpr double kLabelSize = 13, kTitleSize = 16;  // of the fonts of charts

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  bool empty() const { return low > high; }
  void include(double value);
  // With room at both ends for data to breathe; a single value gets a range around it, an empty range is [0, 1].
  Range padded(double fraction) const;
};

// The multiples of 1, 2 or 5 times a power of ten within [low, high], about `wanted` of them.
std::vector<double> nice_ticks(double low, double high, int wanted, bool whole = false);
// With as many decimals as tell neighbouring ticks apart.
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
  bool grid = true;  // lines across the plotted area, else short ones outside it
};

void draw_axes(Canvas& canvas, const Axes& axes, const Ticks& ticks);

}  // namespace weft::training
