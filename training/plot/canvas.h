// An RGB picture to draw on: anti-aliased lines, discs and text, and grids of small pictures.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "training/data/png.h"

namespace weft::training {

struct Color {
  std::uint8_t r = 0;
  std::uint8_t g = 0;
  std::uint8_t b = 0;
};

inline constexpr Color white{255, 255, 255};
inline constexpr Color ink{45, 50, 58};

// In pixels, from the top left corner of the picture; the centre of the first pixel is (0.5, 0.5).
struct Place {
  float x = 0;
  float y = 0;
};

struct Segment {
  Place from;
  Place to;
};

enum class Align : std::uint8_t { left, centre, right };

struct TextStyle {
  float height = 14;  // of a capital letter, in pixels
  Color color = ink;
  Align align = Align::left;
  bool upward = false;  // reads from bottom to top
  bool bold = false;
};

// The width in pixels of a line of text.
float text_width(std::string_view text, float height);

// Whatever lies outside the canvas is cut off. Opacity runs from 0 to 1.
class Canvas {
 public:
  // Throws Error unless both sizes are in 1..32768.
  Canvas(int width, int height, Color background = white);

  int width() const { return picture_.width; }
  int height() const { return picture_.height; }
  const Picture& picture() const { return picture_; }

  void rectangle(int x, int y, int width, int height, Color color, float opacity = 1);
  // Lines that meet are one shape: where they overlap, ink is laid once.
  void strokes(std::span<const Segment> segments, float width, Color color, float opacity = 1);
  void line(Place from, Place to, float width, Color color, float opacity = 1);
  void disc(Place centre, float radius, Color color, float opacity = 1);
  // `place` is the top of the capital letters at the left end, middle or right end of the line, by `style.align`
  // (for upward text: the left side of the letters at the bottom end, middle or top end).
  void text(Place place, std::string_view text, const TextStyle& style = {});
  // Every pixel of `image` becomes a square of scale x scale. Throws Error unless scale > 0.
  void image(int x, int y, const Picture& image, int scale = 1);

 private:
  void blend(int x, int y, Color color, float opacity);

  Picture picture_;
};

struct GridStyle {
  int columns = 10;
  int scale = 2;
  int gap = 4;  // between pictures and around the grid, in pixels
  Color background = white;
};

// Pictures in rows from the top left. Throws Error where there are none or their sizes differ.
Picture image_grid(const std::vector<Picture>& pictures, const GridStyle& style = {});

}  // namespace weft::training
