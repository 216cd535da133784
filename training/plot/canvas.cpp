// Drawing. A line is a capsule and a disc a short one: the ink of a pixel follows from its distance to the axis.
#include "training/plot/canvas.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/error.h"
#include "training/plot/font.h"

namespace weft::training {

namespace {

constexpr float letter_gap = 1.6F;  // all in dots of the font
constexpr float space_width = 2.4F;
constexpr float cap_height = 7;

struct Extent {
  int first = 0;
  int last = glyph_columns - 1;
};

// The columns that hold dots: letters are set at their own widths, digits at one width so that numbers line up.
Extent extent_of(char character) {
  const Glyph5x8& glyph = glyph_of(character);
  Extent extent;
  if (character >= '0' && character <= '9') return extent;
  while (extent.first < extent.last && glyph[static_cast<std::size_t>(extent.first)] == 0) ++extent.first;
  while (extent.last > extent.first && glyph[static_cast<std::size_t>(extent.last)] == 0) --extent.last;
  return extent;
}

float advance_of(char character) {
  if (character == ' ') return space_width + letter_gap;
  const Extent extent = extent_of(character);
  return static_cast<float>(extent.last - extent.first) + 1 + letter_gap;
}

bool is_lit(const Glyph5x8& glyph, int column, int row) {
  if (column < 0 || column >= glyph_columns || row < 0 || row >= glyph_rows) return false;
  return glyph[static_cast<std::size_t>(column)] >> row & 1;
}

// Calls stroke(column, row, column, row) for every pair of dots to join. Drawn with a round pen, the dots of the font
// become smooth letters of any size. A diagonal is drawn only where no dot beside it already joins the two.
template <typename Stroke>
void for_each_stroke(const Glyph5x8& glyph, Stroke stroke) {
  for (int column = 0; column < glyph_columns; ++column) {
    for (int row = 0; row < glyph_rows; ++row) {
      if (!is_lit(glyph, column, row)) continue;
      stroke(column, row, column, row);
      if (is_lit(glyph, column + 1, row)) stroke(column, row, column + 1, row);
      if (is_lit(glyph, column, row + 1)) stroke(column, row, column, row + 1);
      for (const int side : {-1, 1}) {
        const bool joined = is_lit(glyph, column + side, row) || is_lit(glyph, column, row + 1);
        if (!joined && is_lit(glyph, column + side, row + 1)) stroke(column, row, column + side, row + 1);
      }
    }
  }
}

float distance_to(const Segment& segment, Place place) {
  const Place along{segment.to.x - segment.from.x, segment.to.y - segment.from.y};
  const Place here{place.x - segment.from.x, place.y - segment.from.y};
  const float t =
      std::clamp((here.x * along.x + here.y * along.y) / (along.x * along.x + along.y * along.y + 1e-12F), 0.F, 1.F);
  const float dx = here.x - t * along.x;
  const float dy = here.y - t * along.y;
  return std::sqrt(dx * dx + dy * dy);
}

}  // namespace

float text_width(std::string_view text, float height) {
  float dots = 0;
  for (const char character : text) dots += advance_of(character);
  return std::max(0.F, dots - letter_gap) * height / cap_height;
}

Canvas::Canvas(int width, int height, Color background) {
  constexpr int most = 32768;
  if (width < 1 || height < 1 || width > most || height > most) {
    fail("cannot draw a picture of {}x{} pixels; each side takes 1 to {}", width, height, most);
  }
  picture_ = {width, height, 3, {}};
  picture_.pixels.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  rectangle(0, 0, width, height, background);
}

void Canvas::blend(int x, int y, Color color, float opacity) {
  std::uint8_t* pixel = &picture_.pixels[(static_cast<std::size_t>(y) * static_cast<std::size_t>(picture_.width) +
                                          static_cast<std::size_t>(x)) *
                                         3];
  const auto mix = [opacity](std::uint8_t under, std::uint8_t over) {
    return static_cast<std::uint8_t>(static_cast<float>(under) * (1 - opacity) + static_cast<float>(over) * opacity +
                                     .5F);
  };
  pixel[0] = mix(pixel[0], color.r);
  pixel[1] = mix(pixel[1], color.g);
  pixel[2] = mix(pixel[2], color.b);
}

void Canvas::rectangle(int x, int y, int width, int height, Color color, float opacity) {
  for (int row = std::max(0, y); row < std::min(this->height(), y + height); ++row) {
    for (int column = std::max(0, x); column < std::min(this->width(), x + width); ++column) {
      blend(column, row, color, opacity);
    }
  }
}

void Canvas::strokes(std::span<const Segment> segments, float width, Color color, float opacity) {
  if (segments.empty()) return;
  const float radius = width / 2;
  Place low = segments[0].from;
  Place high = low;
  for (const auto& [from, to] : segments) {
    if (!std::isfinite(from.x + from.y + to.x + to.y)) return;
    low = {std::min({low.x, from.x, to.x}), std::min({low.y, from.y, to.y})};
    high = {std::max({high.x, from.x, to.x}), std::max({high.y, from.y, to.y})};
  }
  const float reach = radius + 1;
  const auto clipped = [](float value, int limit) {
    return static_cast<int>(std::clamp(value, 0.F, static_cast<float>(limit - 1)));
  };
  const int last_row = clipped(high.y + reach, height());
  const int last_column = clipped(high.x + reach, this->width());
  for (int row = clipped(low.y - reach, height()); row <= last_row; ++row) {
    for (int column = clipped(low.x - reach, this->width()); column <= last_column; ++column) {
      const Place here{static_cast<float>(column) + .5F, static_cast<float>(row) + .5F};
      float distance = std::numeric_limits<float>::max();
      for (const Segment& segment : segments) distance = std::min(distance, distance_to(segment, here));
      // A line thinner than a pixel is a pixel wide and paler.
      const float coverage = std::clamp(radius + .5F - distance, 0.F, std::min(1.F, width));
      if (coverage > 0) blend(column, row, color, opacity * coverage);
    }
  }
}

void Canvas::line(Place from, Place to, float width, Color color, float opacity) {
  const Segment segment{from, to};
  strokes({&segment, 1}, width, color, opacity);
}

void Canvas::disc(Place centre, float radius, Color color, float opacity) {
  line(centre, centre, 2 * radius, color, opacity);
}

void Canvas::text(Place place, std::string_view text, const TextStyle& style) {
  const float dot = style.height / cap_height;
  const float pen = dot * (style.bold ? 1.3F : .95F);
  float along = 0;  // the way run along the line of text
  if (style.align == Align::centre) along = -text_width(text, style.height) / 2;
  if (style.align == Align::right) along = -text_width(text, style.height);
  for (const char character : text) {
    const Extent extent = extent_of(character);
    const auto at = [&](int column, int row) {
      const float forward = along + (static_cast<float>(column - extent.first) + .5F) * dot;
      const float down = (static_cast<float>(row) + .5F) * dot;
      return style.upward ? Place{place.x + down, place.y - forward} : Place{place.x + forward, place.y + down};
    };
    std::vector<Segment> segments;
    for_each_stroke(glyph_of(character), [&](int column, int row, int next_column, int next_row) {
      segments.push_back({at(column, row), at(next_column, next_row)});
    });
    strokes(segments, pen, style.color);
    along += advance_of(character) * dot;
  }
}

void Canvas::image(int x, int y, const Picture& image, int scale) {
  if (scale < 1) fail("cannot scale a picture by {}; the smallest scale is 1", scale);
  const std::uint8_t* pixel = image.pixels.data();
  for (int row = 0; row < image.height; ++row) {
    for (int column = 0; column < image.width; ++column, pixel += image.channels) {
      const Color color = image.channels == 3 ? Color{pixel[0], pixel[1], pixel[2]} : Color{*pixel, *pixel, *pixel};
      rectangle(x + column * scale, y + row * scale, scale, scale, color);
    }
  }
}

Picture image_grid(const std::vector<Picture>& pictures, const GridStyle& style) {
  if (pictures.empty()) fail("a grid of pictures needs at least one picture");
  if (style.columns < 1 || style.gap < 0) fail("a grid of {} columns with gaps of {}", style.columns, style.gap);
  const int count = static_cast<int>(pictures.size());
  const int columns = std::min(style.columns, count);
  const int rows = (count + columns - 1) / columns;
  const int step_x = pictures[0].width * style.scale + style.gap;
  const int step_y = pictures[0].height * style.scale + style.gap;
  Canvas canvas(columns * step_x + style.gap, rows * step_y + style.gap, style.background);
  for (int i = 0; i < count; ++i) {
    const Picture& picture = pictures[static_cast<std::size_t>(i)];
    if (picture.width != pictures[0].width || picture.height != pictures[0].height) {
      fail("picture {} of a grid is {}x{}, the first is {}x{}", i, picture.width, picture.height, pictures[0].width,
           pictures[0].height);
    }
    canvas.image(style.gap + i % columns * step_x, style.gap + i / columns * step_y, picture, style.scale);
  }
  return canvas.picture();
}

}  // namespace weft::training
