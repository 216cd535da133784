// A digit is a few pen strokes through knots. The generator jitters the knots, joins them by a Catmull-Rom spline,
// poses the strokes, and draws them with a round pen whose width changes along the stroke. The ink of a pixel depends
// on its distance to the stroke.
#include "training/data/digits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "ir/error.h"

namespace weft::training {

using runtime::HostTensor;
using runtime::RandomSource;

namespace {

constexpr std::uint32_t kLabelStream = 0x6c61626c;   // "labl"
constexpr std::uint32_t kImageStream = 0x64696770;   // "digp"; a split adds its number
constexpr std::uint32_t kColourStream = 0x64696763;  // "digc"; likewise

struct Point {
  float x = 0;
  float y = 0;
};

// A digit is 1 high and about 0.6 wide, y downwards. The spline turns sharply at a corner and smoothly elsewhere.
struct Knot {
  float x;
  float y;
  bool corner = false;
};
using Stroke = std::vector<Knot>;
using Glyph = std::vector<Stroke>;
constexpr bool kCorner = true;

// The ways people write each digit, one block per way.
// clang-format off
const std::array<std::vector<Glyph>, 10>& glyphs() {
  static const std::array<std::vector<Glyph>, 10> table{{
      // 0
      {{{{.40F, .01F}, {.15F, .11F}, {.01F, .48F}, {.09F, .86F}, {.30F, 1}, {.53F, .86F}, {.62F, .47F},
         {.52F, .12F}, {.30F, .01F}}},
       {{{.30F, .03F}, {.08F, .16F}, {.01F, .52F}, {.12F, .89F}, {.34F, .99F}, {.55F, .84F}, {.60F, .44F},
         {.47F, .1F}, {.26F, 0}, {.16F, .1F}}}},
      // 1
      {{{{.30F, 0}, {.30F, .5F}, {.30F, 1}}},
       {{{.10F, .24F}, {.34F, 0, kCorner}, {.34F, .5F}, {.34F, 1}}},
       {{{.12F, .20F}, {.34F, 0, kCorner}, {.34F, .5F}, {.34F, 1}},
        {{.08F, 1}, {.34F, .99F}, {.58F, 1}}}},
      // 2
      {{{{.04F, .22F}, {.17F, .05F}, {.40F, .01F}, {.56F, .19F}, {.47F, .47F}, {.25F, .74F}, {.02F, 1, kCorner},
         {.32F, .97F}, {.64F, .99F}}},
       {{{.05F, .18F}, {.22F, .02F}, {.46F, .05F}, {.55F, .25F}, {.44F, .57F}, {.23F, .87F}, {.08F, .96F},
         {.03F, .85F}, {.15F, .78F}, {.36F, .90F}, {.64F, .98F}}}},
      // 3
      {{{{.06F, .11F}, {.26F, 0}, {.50F, .09F}, {.48F, .33F}, {.24F, .46F, kCorner}, {.49F, .54F}, {.58F, .76F},
         {.38F, .97F}, {.04F, .90F}}},
       {{{.06F, .03F}, {.30F, .02F}, {.54F, .02F, kCorner}, {.26F, .39F, kCorner}, {.50F, .49F}, {.57F, .75F},
         {.36F, .98F}, {.03F, .90F}}}},
      // 4
      {{{{.10F, .03F}, {.05F, .28F}, {.03F, .54F, kCorner}, {.32F, .53F}, {.62F, .50F}},
        {{.50F, .05F}, {.47F, .5F}, {.44F, 1}}},
       {{{.46F, 0}, {.24F, .32F}, {.02F, .65F, kCorner}, {.34F, .65F}, {.66F, .64F}},
        {{.46F, 0}, {.46F, .5F}, {.45F, 1}}}},
      // 5
      {{{{.56F, .02F}, {.34F, .03F}, {.13F, .02F, kCorner}, {.11F, .22F}, {.09F, .44F, kCorner}, {.34F, .37F},
         {.57F, .57F}, {.50F, .87F}, {.24F, 1}, {.02F, .90F}}},
       {{{.16F, .05F}, {.12F, .24F}, {.09F, .43F, kCorner}, {.36F, .40F}, {.55F, .62F}, {.45F, .91F}, {.20F, .99F},
         {.02F, .91F}},
        {{.16F, .05F}, {.38F, .05F}, {.62F, .01F}}}},
      // 6
      {{{{.48F, 0}, {.22F, .21F}, {.05F, .58F}, {.11F, .92F}, {.34F, 1}, {.54F, .83F}, {.49F, .59F}, {.28F, .53F},
         {.08F, .72F}}},
       {{{.34F, 0}, {.12F, .30F}, {.03F, .66F}, {.14F, .96F}, {.38F, .98F}, {.53F, .78F}, {.42F, .58F},
         {.20F, .62F}, {.08F, .80F}}}},
      // 7
      {{{{.02F, .06F}, {.30F, .04F}, {.60F, .03F, kCorner}, {.40F, .45F}, {.24F, 1}}},
       {{{.02F, .04F}, {.30F, .04F}, {.60F, .02F, kCorner}, {.42F, .46F}, {.27F, 1}},
        {{.14F, .52F}, {.36F, .50F}, {.58F, .50F}}},
       {{{.04F, .20F}, {.05F, .04F, kCorner}, {.32F, .04F}, {.60F, .04F, kCorner}, {.44F, .42F}, {.32F, 1}}}},
      // 8
      {{{{.50F, .15F}, {.31F, 0}, {.10F, .13F}, {.14F, .34F}, {.36F, .50F}, {.55F, .72F}, {.49F, .93F}, {.27F, 1},
         {.05F, .88F}, {.08F, .67F}, {.30F, .48F}, {.49F, .32F}, {.50F, .13F}}},
       {{{.32F, 0}, {.13F, .09F}, {.11F, .33F}, {.29F, .46F}, {.48F, .34F}, {.50F, .11F}, {.32F, 0}},
        {{.29F, .46F}, {.06F, .62F}, {.08F, .91F}, {.31F, 1}, {.53F, .89F}, {.53F, .62F}, {.30F, .46F}}}},
      // 9
      {{{{.54F, .17F}, {.36F, .01F}, {.11F, .12F}, {.06F, .36F}, {.25F, .50F}, {.47F, .39F}, {.55F, .15F, kCorner},
         {.51F, .58F}, {.46F, 1}}},
       {{{.53F, .15F}, {.32F, 0}, {.09F, .14F}, {.08F, .38F}, {.28F, .49F}, {.49F, .36F}, {.55F, .16F, kCorner},
         {.55F, .58F}, {.44F, .92F}, {.22F, 1}, {.06F, .92F}}}},
  }};
  return table;
}
// clang-format on

// A sequence of random numbers from one source.
class Draws {
 public:
  explicit Draws(const RandomSource& source) : source_(source) {}

  float uniform(float low, float high) { return low + (high - low) * runtime::uniform(source_, next_++); }
  float normal(float deviation) { return deviation * runtime::normal(source_, next_++); }
  // `normal` clamped to two deviations, so that all digits are plausible.
  float bounded_normal(float deviation) { return std::clamp(normal(deviation), -2 * deviation, 2 * deviation); }
  std::size_t below(std::size_t count) { return runtime::random_block(source_, next_++)[0] % count; }
  runtime::PhiloxBlock block() { return runtime::random_block(source_, next_++); }

 private:
  RandomSource source_;
  std::uint32_t next_ = 0;
};

using Path = std::vector<Point>;  // a stroke as a polyline

Glyph jittered(Glyph glyph, Draws& draws) {
  const float deviation = draws.uniform(.01F, .04F);
  for (Stroke& stroke : glyph) {
    for (Knot& knot : stroke) {
      knot.x += draws.bounded_normal(deviation);
      knot.y += draws.bounded_normal(deviation);
    }
  }
  return glyph;
}

// A point between b and c; a and d are their neighbours.
Point catmull_rom(Point a, Point b, Point c, Point d, float t) {
  const auto blend = [t](float p, float q, float r, float s) {
    return q + .5F * t * (r - p + t * (2 * p - 5 * q + 4 * r - s + t * (3 * (q - r) + s - p)));
  };
  return {blend(a.x, b.x, c.x, d.x), blend(a.y, b.y, c.y, d.y)};
}

Path flattened(const Stroke& stroke) {
  constexpr int pieces = 6;  // between two knots: about a pixel each
  const auto point = [&](std::size_t index) { return Point{stroke[index].x, stroke[index].y}; };
  Path path{point(0)};
  for (std::size_t i = 0; i + 1 < stroke.size(); ++i) {
    const bool starts = i == 0 || stroke[i].corner;
    const bool ends = i + 2 == stroke.size() || stroke[i + 1].corner;
    const Point before = point(starts ? i : i - 1);
    const Point after = point(ends ? i + 1 : i + 2);
    for (int piece = 1; piece <= pieces; ++piece) {
      path.push_back(catmull_rom(before, point(i), point(i + 1), after, static_cast<float>(piece) / pieces));
    }
  }
  return path;
}

struct Pen {
  float start_radius;  // in pixels; the pressure changes along a stroke
  float end_radius;
  float softness;  // pixels from full ink to paper
};

// Scales, slants, rotates and places the strokes, always inside the image.
void pose(std::vector<Path>& paths, const Pen& pen, Draws& draws) {
  const float height = kDigitSize * draws.uniform(.62F, .78F);
  const float width = height * draws.uniform(.8F, 1.25F);
  const float slant = .08F + draws.bounded_normal(.16F);
  const float angle = draws.bounded_normal(.1F);
  const float cosine = std::cos(angle);
  const float sine = std::sin(angle);
  Point low{1e9F, 1e9F};
  Point high{-1e9F, -1e9F};
  for (Path& path : paths) {
    for (Point& point : path) {
      const float y = (point.y - .5F) * height;
      const float x = (point.x - .3F) * width - slant * y;
      point = {x * cosine - y * sine, x * sine + y * cosine};
      low = {std::min(low.x, point.x), std::min(low.y, point.y)};
      high = {std::max(high.x, point.x), std::max(high.y, point.y)};
    }
  }
  const float margin = std::max(pen.start_radius, pen.end_radius) + pen.softness / 2 + .5F;  // no ink on the border
  const float room = kDigitSize - 2 * margin;
  const float shrink = std::min({1.F, room / (high.x - low.x + 1e-3F), room / (high.y - low.y + 1e-3F)});
  const auto offset = [&](float from, float to, float wish) {
    const float centre = kDigitSize / 2.F - shrink * (from + to) / 2;
    const float slack = std::max(0.F, (room - shrink * (to - from)) / 2);
    return centre + std::clamp(wish, -slack, slack);
  };
  const Point shift{offset(low.x, high.x, draws.bounded_normal(1)), offset(low.y, high.y, draws.bounded_normal(1))};
  for (Path& path : paths) {
    for (Point& point : path) point = {shrink * point.x + shift.x, shrink * point.y + shift.y};
  }
}

using Field = std::array<float, kDigitSize * kDigitSize>;  // distance to the nearest ink, in pixels; negative inside

// Lowers the field to the distance from the capsule between a and b. Visits only pixels that the pen can reach.
void stamp(Field& field, Point a, Point b, float radius_a, float radius_b, float softness) {
  const float reach = std::max(radius_a, radius_b) + softness;
  const auto first = [&](float p, float q) { return std::max(0, static_cast<int>(std::min(p, q) - reach)); };
  const auto last = [&](float p, float q) {
    return std::min(kDigitSize - 1, static_cast<int>(std::max(p, q) + reach));
  };
  const Point along{b.x - a.x, b.y - a.y};
  const float inverse = 1 / (along.x * along.x + along.y * along.y + 1e-12F);
  for (int row = first(a.y, b.y); row <= last(a.y, b.y); ++row) {
    for (int column = first(a.x, b.x); column <= last(a.x, b.x); ++column) {
      const Point from_a{static_cast<float>(column) + .5F - a.x, static_cast<float>(row) + .5F - a.y};
      const float t = std::clamp((from_a.x * along.x + from_a.y * along.y) * inverse, 0.F, 1.F);
      const float dx = from_a.x - t * along.x;
      const float dy = from_a.y - t * along.y;
      float& distance = field[static_cast<std::size_t>(row * kDigitSize + column)];
      distance = std::min(distance, std::sqrt(dx * dx + dy * dy) - (radius_a + t * (radius_b - radius_a)));
    }
  }
}

Field distance_field(const std::vector<Path>& paths, const Pen& pen) {
  Field field;
  field.fill(std::numeric_limits<float>::max());
  for (const Path& path : paths) {
    const float step = (pen.end_radius - pen.start_radius) / static_cast<float>(path.size());
    for (std::size_t i = 0; i + 1 < path.size(); ++i) {
      const float radius = pen.start_radius + step * static_cast<float>(i);
      stamp(field, path[i], path[i + 1], radius, radius + step, pen.softness);
    }
  }
  return field;
}

// Ink by distance, then scanner noise: the sum of two random bytes per pixel, a triangular distribution around 0.
void develop(const Field& field, const Pen& pen, Draws& draws, std::span<std::uint8_t> pixels) {
  const float ink = 255 * draws.uniform(.85F, 1);
  const float grain = draws.uniform(3, 12) / 255;
  for (std::size_t i = 0; i < pixels.size(); i += 8) {
    const runtime::PhiloxBlock bits = draws.block();
    for (std::size_t k = 0; k < 8; ++k) {
      const std::uint32_t word = bits[k / 2] >> (k % 2 * 16);
      const float noise = static_cast<float>(static_cast<int>(word & 255) + static_cast<int>(word >> 8 & 255) - 255);
      const float coverage = std::clamp(.5F - field[i + k] / pen.softness, 0.F, 1.F);
      pixels[i + k] = static_cast<std::uint8_t>(std::clamp(ink * coverage + grain * noise + .5F, 0.F, 255.F));
    }
  }
}

// --- Colour --------------------------------------------------------------------------------------------------------

using Rgb = std::array<float, 3>;

float brightness(const Rgb& colour) { return .299F * colour[0] + .587F * colour[1] + .114F * colour[2]; }

Rgb any_colour(Draws& draws) { return {draws.uniform(0, 255), draws.uniform(0, 255), draws.uniform(0, 255)}; }

// A colour that differs in brightness by at least `contrast` (at most 100), so that the digit is legible.
Rgb apart_from(float other, float contrast, Draws& draws) {
  Rgb colour = any_colour(draws);
  const bool lighter = other < 128;
  while (lighter ? brightness(colour) < other + contrast : brightness(colour) > other - contrast)
    for (float& part : colour) part += ((lighter ? 255.F : 0.F) - part) * .25F;
  return colour;
}

// Draws a grey digit in coloured ink over a background of two similar colours, blended by a wave of random direction
// and length.
void colour_digit(std::span<const std::uint8_t> grey, const RandomSource& source, std::span<std::uint8_t> pixels) {
  constexpr float turn = 6.2831853F;
  constexpr std::size_t plane = kColourDigitSize * kColourDigitSize;
  Draws draws(source);
  const Rgb ground = any_colour(draws);
  Rgb other = ground;
  for (float& part : other) part = std::clamp(part + draws.uniform(-60, 60), 0.F, 255.F);
  const Rgb ink = apart_from((brightness(ground) + brightness(other)) / 2, 90, draws);
  const float angle = draws.uniform(0, turn);
  const float frequency = turn / draws.uniform(6, 40);
  const Point wave{frequency * std::cos(angle), frequency * std::sin(angle)};
  const float phase = draws.uniform(0, turn);
  const std::size_t free = kColourDigitSize - kDigitSize + 1;
  const std::size_t top = draws.below(free), left = draws.below(free);
  for (std::size_t row = 0; row < kColourDigitSize; ++row) {
    for (std::size_t column = 0; column < kColourDigitSize; ++column) {
      const bool inside = row >= top && row < top + kDigitSize && column >= left && column < left + kDigitSize;
      const float cover = inside ? static_cast<float>(grey[(row - top) * kDigitSize + column - left]) / 255 : 0.F;
      const float mix =
          .5F + .5F * std::sin(wave.x * static_cast<float>(column) + wave.y * static_cast<float>(row) + phase);
      for (std::size_t channel = 0; channel < 3; ++channel) {
        const float under = ground[channel] + mix * (other[channel] - ground[channel]);
        pixels[channel * plane + row * kColourDigitSize + column] =
            static_cast<std::uint8_t>(std::clamp(under + cover * (ink[channel] - under) + .5F, 0.F, 255.F));
      }
    }
  }
}

// --- Data sets -----------------------------------------------------------------------------------------------------

Dataset make_split(std::int64_t count, const DigitsOptions& options, std::uint32_t split) {
  if (count < 0) fail("cannot make {} digits; ask for 0 or more", count);
  constexpr std::size_t grey_pixels = kDigitSize * kDigitSize;
  const std::uint64_t seed = options.seed;
  const std::int64_t channels = options.colour ? 3 : 1;
  const std::int64_t side = options.colour ? kColourDigitSize : kDigitSize;
  const auto pixels = static_cast<std::size_t>(channels * side * side);
  Dataset digits{options.colour ? kColourDigitsName : kDigitsName,
                 HostTensor::zeros(ir::DType::u8, {count, channels, side, side}),
                 HostTensor::zeros(ir::DType::i32, {count}), 10, numbered_classes(10)};
  const std::span<std::uint8_t> images = digits.samples.as<std::uint8_t>();
  const std::span<std::int32_t> labels = digits.labels.as<std::int32_t>();
  for (std::size_t i = 0; i < labels.size(); ++i) {
    // Every ten images hold each class once, in random order.
    const RandomSource order{seed, kLabelStream + split, i / 10};
    std::array<std::uint32_t, 10> deck{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    for (std::uint32_t last = 9; last > 0; --last) {
      std::swap(deck[last], deck[runtime::random_block(order, last)[0] % (last + 1)]);
    }
    labels[i] = static_cast<std::int32_t>(deck[i % 10]);
    const std::span<std::uint8_t> image = images.subspan(i * pixels, pixels);
    if (options.colour) {
      std::array<std::uint8_t, grey_pixels> grey{};
      render_digit(labels[i], {seed, kImageStream + split, i}, grey);
      colour_digit(grey, {seed, kColourStream + split, i}, image);
    } else {
      render_digit(labels[i], {seed, kImageStream + split, i}, image);
    }
  }
  return digits;
}

}  // namespace

void render_digit(int digit, const RandomSource& source, std::span<std::uint8_t> pixels) {
  if (digit < 0 || digit > 9) fail("there is no digit {}", digit);
  if (pixels.size() != kDigitSize * kDigitSize)
    fail("a digit takes {} pixels, not {}", kDigitSize * kDigitSize, pixels.size());
  Draws draws(source);
  const std::vector<Glyph>& ways = glyphs()[static_cast<std::size_t>(digit)];
  const Glyph glyph = jittered(ways[draws.below(ways.size())], draws);
  const float radius = draws.uniform(.95F, 1.7F);
  const Pen pen{radius * draws.uniform(.85F, 1.1F), radius * draws.uniform(.75F, 1.1F), draws.uniform(.9F, 1.6F)};
  std::vector<Path> paths;
  for (const Stroke& stroke : glyph) paths.push_back(flattened(stroke));
  pose(paths, pen, draws);
  develop(distance_field(paths, pen), pen, draws, pixels);
}

DatasetSplits make_digits(const DigitsOptions& options) {
  return {make_split(options.train, options, 0), make_split(options.validation, options, 1),
          make_split(options.test, options, 2)};
}

}  // namespace weft::training
