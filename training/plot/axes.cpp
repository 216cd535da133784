// Grid lines are one unit wide and centred in a unit, so that they cover whole pixels at every scale.
#include "training/plot/axes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace weft::training {

namespace {

constexpr Color kGrid{229, 231, 235}, kAxis{130, 138, 150};
constexpr double kTickLength = 5;

double crisp(double value) { return std::floor(value) + .5; }

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

// Writes very large and very small values with powers of ten.
std::string tick_text(double value, double step, double largest) {
  if (std::abs(value) < step * 1e-6) return "0";
  if (largest >= 1e6 || largest < 1e-3) return fmt::format("{:.4g}", value);
  const int decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 9);
  return fmt::format("{:.{}f}", value, decimals);
}

}  // namespace

void Range::include(double value) {
  low = std::min(low, value);
  high = std::max(high, value);
}

Range Range::padded(double fraction) const {
  if (empty()) return {0, 1};
  const double span = high - low;
  const double room = span > 0 ? fraction * span : std::max(.1 * std::abs(low), .5);
  return {low - room, high + room};
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

std::vector<std::string> tick_texts(const std::vector<double>& ticks) {
  std::vector<std::string> texts;
  const double step = ticks.size() > 1 ? ticks[1] - ticks[0] : 1;
  const double largest = ticks.empty() ? 1 : std::max(std::abs(ticks.front()), std::abs(ticks.back()));
  for (const double tick : ticks) texts.push_back(tick_text(tick, step, largest));
  return texts;
}

Place Axes::at(double x_value, double y_value) const {
  return {left + (x_value - x.low) / (x.high - x.low) * (right - left),
          bottom - (y_value - y.low) / (y.high - y.low) * (bottom - top)};
}

void draw_axes(Canvas& canvas, const Axes& axes, const Ticks& ticks) {
  const double left = crisp(axes.left) - 1, bottom = crisp(axes.bottom);
  const Pen axis{.color = kAxis}, across = ticks.grid ? Pen{.color = kGrid} : axis;
  const TextStyle below{.size = ticks.text_size, .color = kQuietInk, .align = Align::centre};
  const TextStyle beside{.size = ticks.text_size, .color = kQuietInk, .align = Align::right};
  const std::vector<std::string> x_texts = tick_texts(ticks.x), y_texts = tick_texts(ticks.y);
  for (std::size_t i = 0; i < ticks.x.size(); ++i) {
    const double x = crisp(axes.at(ticks.x[i], axes.y.low).x);
    canvas.line({x, ticks.grid ? axes.top : bottom + kTickLength}, {x, bottom}, across);
    if (ticks.x_texts) canvas.text({x, bottom + kTickLength + ticks.text_size}, x_texts[i], below);
  }
  for (std::size_t i = 0; i < ticks.y.size(); ++i) {
    const double y = crisp(axes.at(axes.x.low, ticks.y[i]).y);
    canvas.line({left, y}, {ticks.grid ? axes.right : left - kTickLength, y}, across);
    if (ticks.y_texts) canvas.text({left - kTickLength - 4, y}, y_texts[i], beside);
  }
  canvas.line({left, axes.top}, {left, bottom}, axis);
  canvas.line({left, bottom}, {axes.right, bottom}, axis);
}

}  // namespace weft::training
