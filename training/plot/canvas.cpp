// Records the drawing and replays it as pixels or SVG.
#include "training/plot/canvas.h"

#include <cairo-svg.h>
#include <cairo.h>

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "ir/error.h"
#include "ir/visible.h"

#ifdef __has_feature  // clang's
#define WEFT_LEAKS_ARE_CHECKED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define WEFT_LEAKS_ARE_CHECKED 1
#else
#define WEFT_LEAKS_ARE_CHECKED 0
#endif
#if WEFT_LEAKS_ARE_CHECKED
// Cairo and fontconfig cache fonts until the process ends: not a leak.
extern "C" {
const char* __lsan_default_suppressions();
const char* __lsan_default_suppressions() { return "leak:libcairo\nleak:libfontconfig\n"; }
const char* __lsan_default_options();
const char* __lsan_default_options() { return "print_suppressions=0"; }
}
#endif

namespace weft::training {

namespace {

void check_drawn(cairo_status_t status) {
  if (status != CAIRO_STATUS_SUCCESS) fail("cannot draw a picture: {}", cairo_status_to_string(status));
}

bool is_finite(Place place) { return std::isfinite(place.x) && std::isfinite(place.y); }

// Cairo stores places as fixed-point numbers of 24 bits and a fraction.
Place clamped(Place place) {
  constexpr double kFar = 100'000;
  return {std::clamp(place.x, -kFar, kFar), std::clamp(place.y, -kFar, kFar)};
}

void set_color(cairo_t* context, Color color, double opacity = 1) {
  cairo_set_source_rgba(context, color.r / 255.0, color.g / 255.0, color.b / 255.0, opacity);
}

// Draws the same letters at the same places at every scale.
void set_font(cairo_t* context, double size, bool bold) {
  cairo_select_font_face(context, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                         bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(context, size);
  cairo_font_options_t* options = cairo_font_options_create();
  cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
  cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
  cairo_set_font_options(context, options);
  cairo_font_options_destroy(options);
}

double advance_of(cairo_t* context, const std::string& text) {
  cairo_text_extents_t extents;
  cairo_text_extents(context, text.c_str(), &extents);
  return extents.x_advance;
}

double capital_height(cairo_t* context) {
  cairo_text_extents_t extents;
  cairo_text_extents(context, "H", &extents);
  return extents.height;
}

// Cairo's pixels: four bytes, blue first on a little-endian machine.
std::uint32_t* row_of(cairo_surface_t* surface, int row) {
  unsigned char* data = cairo_image_surface_get_data(surface);
  return reinterpret_cast<std::uint32_t*>(data + std::ptrdiff_t{row} * cairo_image_surface_get_stride(surface));
}

cairo_status_t append(void* text, const unsigned char* bytes, unsigned count) {
  static_cast<std::string*>(text)->append(reinterpret_cast<const char*>(bytes), count);
  return CAIRO_STATUS_SUCCESS;
}

CairoContext measuring_context() {
  const CairoSurface surface(cairo_recording_surface_create(CAIRO_CONTENT_COLOR, nullptr));
  return CairoContext(cairo_create(surface.get()));
}

}  // namespace

void CairoRelease::operator()(cairo_t* context) const { cairo_destroy(context); }
void CairoRelease::operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }

double text_width(std::string_view text, double size, bool bold) {
  const auto context = measuring_context();
  set_font(context.get(), size, bold);
  return advance_of(context.get(), visible(text));
}

bool has_font() {
  const auto context = measuring_context();
  set_font(context.get(), TextStyle{}.size, false);
  // Without a system font, Cairo uses a built-in one.
  return cairo_scaled_font_get_type(cairo_get_scaled_font(context.get())) != CAIRO_FONT_TYPE_USER;
}

Canvas::Canvas(int width, int height, Color background) : width_(width), height_(height) {
  constexpr int kMost = 32767;
  if (width < 1 || height < 1 || width > kMost || height > kMost)
    fail("cannot draw a picture of {}x{} pixels; each side takes 1 to {}", width, height, kMost);
  const cairo_rectangle_t extent{0, 0, double(width), double(height)};
  recording_.reset(cairo_recording_surface_create(CAIRO_CONTENT_COLOR, &extent));
  context_.reset(cairo_create(recording_.get()));
  cairo_set_line_cap(context_.get(), CAIRO_LINE_CAP_ROUND);
  cairo_set_line_join(context_.get(), CAIRO_LINE_JOIN_ROUND);
  rectangle(0, 0, width, height, background);
}

void Canvas::rectangle(double x, double y, double width, double height, Color color, double opacity) {
  if (!is_finite({x + width, y + height})) return;
  set_color(context_.get(), color, opacity);
  const Place from = clamped({x, y}), to = clamped({x + width, y + height});
  cairo_rectangle(context_.get(), from.x, from.y, to.x - from.x, to.y - from.y);
  cairo_fill(context_.get());
}

void Canvas::outline(double x, double y, double width, double height, const Pen& pen) {
  const Place corners[] = {{x, y}, {x + width, y}, {x + width, y + height}, {x, y + height}, {x, y}};
  path(corners, pen);
}

void Canvas::path(std::span<const Place> places, const Pen& pen) {
  for (const Place& place : places) {
    if (!is_finite(place)) continue;
    const Place to = clamped(place);
    cairo_line_to(context_.get(), to.x, to.y);
  }
  constexpr double kDashes[] = {6, 5};
  cairo_set_line_cap(context_.get(), pen.dashed ? CAIRO_LINE_CAP_BUTT : CAIRO_LINE_CAP_ROUND);
  cairo_set_dash(context_.get(), kDashes, pen.dashed ? 2 : 0, 0);
  cairo_set_line_width(context_.get(), pen.width);
  set_color(context_.get(), pen.color);
  cairo_stroke(context_.get());
}

void Canvas::line(Place from, Place to, const Pen& pen) {
  const Place both[] = {from, to};
  path(both, pen);
}

void Canvas::discs(std::span<const Place> centres, double radius, Color color, double opacity) {
  for (const Place& centre : centres) {
    if (!is_finite(centre)) continue;
    const Place at = clamped(centre);
    cairo_move_to(context_.get(), at.x, at.y);
    cairo_close_path(context_.get());  // a line of length 0, whose round ends form a disc
  }
  cairo_set_line_cap(context_.get(), CAIRO_LINE_CAP_ROUND);
  cairo_set_dash(context_.get(), nullptr, 0, 0);
  cairo_set_line_width(context_.get(), 2 * radius);
  set_color(context_.get(), color, opacity);
  cairo_stroke(context_.get());
}

void Canvas::text(Place place, std::string_view text, const TextStyle& style) {
  if (text.empty() || !is_finite(place)) return;
  const std::string shown = visible(text);
  cairo_t* context = context_.get();
  cairo_save(context);
  const Place at = clamped(place);
  cairo_translate(context, at.x, at.y);
  if (style.upward) cairo_rotate(context, -std::acos(0.0));
  set_font(context, style.size, style.bold);
  const double width = advance_of(context, shown);
  const double left = style.align == Align::left ? 0 : style.align == Align::centre ? -width / 2 : -width;
  set_color(context, style.color);
  cairo_move_to(context, left, capital_height(context) / 2);
  cairo_show_text(context, shown.c_str());
  cairo_new_path(context);
  cairo_restore(context);
}

void Canvas::image(int x, int y, const Image& image, int scale) {
  if (scale < 1) fail("cannot scale an image by {}; the smallest scale is 1", scale);
  const CairoSurface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, image.width, image.height));
  check_drawn(cairo_surface_status(surface.get()));
  const std::uint8_t* pixel = image.pixels.data();
  for (int row = 0; row < image.height; ++row) {
    std::uint32_t* to = row_of(surface.get(), row);
    for (int column = 0; column < image.width; ++column, pixel += image.channels) {
      const auto [r, g, b] = image.channels == 3 ? Color{pixel[0], pixel[1], pixel[2]} : Color{*pixel, *pixel, *pixel};
      to[column] = std::uint32_t{r} << 16 | std::uint32_t{g} << 8 | b;
    }
  }
  cairo_surface_mark_dirty(surface.get());
  cairo_t* context = context_.get();
  cairo_save(context);
  cairo_translate(context, x, y);
  cairo_scale(context, scale, scale);
  cairo_set_source_surface(context, surface.get(), 0, 0);
  cairo_pattern_set_filter(cairo_get_source(context), CAIRO_FILTER_NEAREST);
  cairo_rectangle(context, 0, 0, image.width, image.height);
  cairo_fill(context);
  cairo_restore(context);
  has_images_ = true;
}

void Canvas::draw(int x, int y, const Canvas& other) {
  cairo_save(context_.get());
  cairo_set_source_surface(context_.get(), other.recording_.get(), x, y);
  cairo_rectangle(context_.get(), x, y, other.width_, other.height_);
  cairo_fill(context_.get());
  cairo_restore(context_.get());
  has_images_ = has_images_ || other.has_images_;
}

void Canvas::replay(cairo_surface_t* target, int scale) const {
  check_drawn(cairo_status(context_.get()));
  const CairoContext context(cairo_create(target));
  cairo_scale(context.get(), scale, scale);
  cairo_set_source_surface(context.get(), recording_.get(), 0, 0);
  cairo_paint(context.get());
  check_drawn(cairo_status(context.get()));
}

Image Canvas::picture(int scale) const {
  const CairoSurface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, scale * width_, scale * height_));
  replay(surface.get(), scale);
  cairo_surface_flush(surface.get());
  Image image{scale * width_, scale * height_, 3, {}};
  image.pixels.reserve(std::size_t(image.width) * std::size_t(image.height) * 3);
  for (int row = 0; row < image.height; ++row) {
    const std::uint32_t* from = row_of(surface.get(), row);
    for (int column = 0; column < image.width; ++column)
      for (const int shift : {16, 8, 0}) image.pixels.push_back(static_cast<std::uint8_t>(from[column] >> shift));
  }
  return image;
}

std::string Canvas::png() const { return encode_png(picture(has_images_ ? 1 : 2)); }

std::string Canvas::svg() const {
  std::string text;
  const CairoSurface surface(cairo_svg_surface_create_for_stream(append, &text, width_, height_));
  cairo_svg_surface_set_document_unit(surface.get(), CAIRO_SVG_UNIT_PX);
  replay(surface.get(), 1);
  cairo_surface_finish(surface.get());
  check_drawn(cairo_surface_status(surface.get()));
  return text;
}

Canvas image_grid(const std::vector<Image>& images, const GridStyle& style) {
  if (images.empty()) fail("a grid needs at least one image");
  if (style.columns < 1 || style.gap < 0)
    fail("cannot draw a grid of {} columns with gaps of {}", style.columns, style.gap);
  const int count = static_cast<int>(images.size());
  const int columns = std::min(style.columns, count);
  const int rows = (count + columns - 1) / columns;
  const int step_x = images[0].width * style.scale + style.gap;
  const int step_y = images[0].height * style.scale + style.gap;
  Canvas canvas(columns * step_x + style.gap, rows * step_y + style.gap, style.background);
  for (int i = 0; i < count; ++i) {
    const Image& image = images[static_cast<std::size_t>(i)];
    if (image.width != images[0].width || image.height != images[0].height) {
      fail("image {} of a grid is {}x{}, the first is {}x{}", i, image.width, image.height, images[0].width,
           images[0].height);
    }
    canvas.image(style.gap + i % columns * step_x, style.gap + i / columns * step_y, image, style.scale);
  }
  return canvas;
}

}  // namespace weft::training
