// A vector drawing by Cairo: lines, discs, text, images and other drawings. It is available as pixels, PNG or SVG.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "training/data/png.h"

struct _cairo;          // of Cairo: NOLINT(bugprone-reserved-identifier)
struct _cairo_surface;  // of Cairo: NOLINT(bugprone-reserved-identifier)

namespace weft::training {

struct Color {
  std::uint8_t r = 0;
  std::uint8_t g = 0;
  std::uint8_t b = 0;
};

inline constexpr Color kWhite{255, 255, 255};
inline constexpr Color kInk{45, 50, 58};
inline constexpr Color kQuietInk{85, 92, 104};

// A position in units from the top left corner of the drawing; the first unit square is [0,1] x [0,1]. A PNG has one or
// more pixels per unit.
struct Place {
  double x = 0;
  double y = 0;
};

struct Pen {
  double width = 1;
  Color color = kInk;
  bool dashed = false;
};

enum class Align : std::uint8_t { left, centre, right };

struct TextStyle {
  double size = 13;  // of the font: capital letters have about 0.7 of this height
  Color color = kInk;
  Align align = Align::left;
  bool upward = false;  // reads from bottom to top
  bool bold = false;
};

// The width of a line of text.
double text_width(std::string_view text, double size, bool bold = false);

// Whether the system has a font. Without one, Cairo draws text in plain strokes.
bool has_font();

struct CairoRelease {
  void operator()(_cairo* context) const;
  void operator()(_cairo_surface* surface) const;
};
using CairoContext = std::unique_ptr<_cairo, CairoRelease>;
using CairoSurface = std::unique_ptr<_cairo_surface, CairoRelease>;

// The canvas clips shapes to its area and skips places that are not finite. Opacity is 0 to 1.
class Canvas {
 public:
  // Throws Error unless both sizes are in 1..32767.
  Canvas(int width, int height, Color background = kWhite);

  int width() const { return width_; }
  int height() const { return height_; }

  void rectangle(double x, double y, double width, double height, Color color, double opacity = 1);
  void outline(double x, double y, double width, double height, const Pen& pen);
  // A line from place to place, with round joins and ends.
  void path(std::span<const Place> places, const Pen& pen);
  void line(Place from, Place to, const Pen& pen);
  // Overlapping discs are one shape of even opacity.
  void discs(std::span<const Place> centres, double radius, Color color, double opacity = 1);
  // `place` is at half the height of capital letters, and by `style.align` at the left end, middle or right end of the
  // line (for upward text: bottom end, middle or top end). Bytes that are not UTF-8 appear as escapes (ir/visible.h).
  void text(Place place, std::string_view text, const TextStyle& style = {});
  // Every pixel of `image` becomes a square of scale x scale. Throws Error unless scale > 0.
  void image(int x, int y, const Image& image, int scale = 1);
  // Draws another canvas, its top left corner at (x, y).
  void draw(int x, int y, const Canvas& other);

  // RGB, scale * width() by scale * height().
  Image picture(int scale = 1) const;
  // A PNG file. Drawings without images have two pixels per unit, so that they stay sharp when enlarged.
  std::string png() const;
  // An SVG file that needs no font.
  std::string svg() const;
  bool has_images() const { return has_images_; }

 private:
  void replay(_cairo_surface* target, int scale) const;

  int width_;
  int height_;
  bool has_images_ = false;
  CairoSurface recording_;
  CairoContext context_;
};

struct GridStyle {
  int columns = 10;
  int scale = 2;
  int gap = 4;  // between images and around the grid, in pixels
  Color background = kWhite;
};

// Images in rows from the top left. Throws Error if there are none or their sizes differ.
Canvas image_grid(const std::vector<Image>& images, const GridStyle& style = {});

}  // namespace weft::training
