// Drawing, charts and the pictures of a run. How they look is for eyes; here is what must hold.
#include "training/plot/canvas.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/support/temp_folder.h"
#include "training/plot/chart.h"
#include "training/plot/font.h"
#include "training/plot/plots.h"

namespace weft::training {
namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

Color pixel(const Picture& picture, int x, int y) {
  const auto i = static_cast<std::size_t>((y * picture.width + x) * 3);
  return {picture.pixels[i], picture.pixels[i + 1], picture.pixels[i + 2]};
}

bool is(Color color, Color wanted) { return color.r == wanted.r && color.g == wanted.g && color.b == wanted.b; }

std::size_t count_of(const Picture& picture, Color color) {
  std::size_t count = 0;
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) count += is(pixel(picture, x, y), color);
  }
  return count;
}

TEST_CASE("canvas: rectangles, discs and lines cover what they should, with soft edges") {
  Canvas canvas(40, 30);
  canvas.rectangle(35, 25, 100, 100, {1, 2, 3});
  CHECK(count_of(canvas.picture(), {1, 2, 3}) == 25);
  canvas.disc({10, 10}, 5, {255, 0, 0});
  CHECK(is(pixel(canvas.picture(), 10, 10), {255, 0, 0}));
  CHECK(is(pixel(canvas.picture(), 10, 17), white));
  canvas.line({0, 20.3F}, {30, 22.3F}, 2, {0, 0, 0});
  const int edge = pixel(canvas.picture(), 15, 20).g;
  CHECK((edge > 0 && edge < 255));
}

TEST_CASE("canvas: drawing outside or at no place at all does no harm") {
  Canvas canvas(10, 10);
  canvas.line({-1e9F, -1e9F}, {1e9F, 1e9F}, 3, ink);
  canvas.disc({1e30F, 5}, 3, ink);
  canvas.disc({NAN, 5}, 3, ink);
  canvas.text({-50, -50}, "far away");
  canvas.rectangle(-5, -5, 3, 3, ink);
  canvas.image(8, 8, canvas.picture());
  CHECK(canvas.picture().pixels.size() == 300);
  CHECK_ERROR(Canvas(0, 5), "0x5 pixels");
  CHECK_ERROR(Canvas(5, 1 << 20), "each side takes 1 to 32768");
  CHECK_ERROR(canvas.image(0, 0, canvas.picture(), 0), "smallest scale is 1");
}

TEST_CASE("canvas: every printable character has a glyph of its own (but O and 0), others show as '?'") {
  for (char a = '!'; a <= '~'; ++a) {
    CHECK(glyph_of(a) != glyph_of(' '));
    for (char b = '!'; b < a; ++b) {
      const bool twins = a == 'O' && b == '0';
      CHECK_MESSAGE((twins || glyph_of(a) != glyph_of(b)), int{a}, " and ", int{b});
    }
  }
  CHECK(glyph_of('\n') == glyph_of('?'));
  CHECK(glyph_of('\xc3') == glyph_of('?'));
}

TEST_CASE("canvas: text is as wide as announced") {
  for (const char* text : {"Weft", "0123", "loss/kl [nats]", "i"}) {
    const float width = text_width(text, 14);
    Canvas canvas(300, 40);
    canvas.text({10, 10}, text, {.color = {0, 0, 0}});
    int last = 0;
    for (int x = 0; x < 300; ++x) {
      for (int y = 0; y < 40; ++y) last = pixel(canvas.picture(), x, y).r < 128 ? x : last;
    }
    CHECK(std::abs(static_cast<float>(last) - (10 + width)) <= 2);
  }
  CHECK(text_width("", 14) == 0);
  CHECK(text_width("111", 14) == text_width("888", 14));
}

TEST_CASE("canvas: grids") {
  const Picture red{2, 2, 3, {255, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0}};
  const Picture grey{2, 2, 1, {7, 7, 7, 7}};
  const Picture grid = image_grid({red, grey, red}, {.columns = 2, .scale = 3, .gap = 1});
  CHECK(grid.width == 2 * 7 + 1);
  CHECK(grid.height == 2 * 7 + 1);
  CHECK(count_of(grid, {255, 0, 0}) == 2 * 36);
  CHECK(count_of(grid, {7, 7, 7}) == 36);
  CHECK_ERROR(image_grid({}), "at least one picture");
  CHECK_ERROR(image_grid({red}, {.columns = 0}), "0 columns");
  CHECK_ERROR(image_grid({red, Picture{1, 1, 1, {0}}}), "picture 1 of a grid is 1x1, the first is 2x2");
}

TEST_CASE("chart: ticks are round numbers inside the range") {
  CHECK(nice_ticks(0, 10, 5) == std::vector<double>{0, 2, 4, 6, 8, 10});
  CHECK(nice_ticks(-1, 1, 4) == std::vector<double>{-1, -.5, 0, .5, 1});
  CHECK(nice_ticks(.4, 3.2, 8, true) == std::vector<double>{1, 2, 3});
  CHECK(nice_ticks(1, 1, 5).empty());
  CHECK(nice_ticks(0, std::numeric_limits<double>::infinity(), 5).empty());
  for (const double scale : {1e-12, 1e-3, 1., 7., 1e9}) {
    const auto ticks = nice_ticks(-.3 * scale, 2.9 * scale, 7);
    CHECK((ticks.size() >= 4 && ticks.size() <= 9));
  }
}

TEST_CASE("chart: lines are drawn in their colours, and nothing is too strange to draw") {
  const Color color = series_color(0);
  const auto drawn = [&](const std::vector<double>& x, const std::vector<double>& y, bool dashed = false) {
    return count_of(line_chart({.title = "t", .width = 400, .height = 300}, {{"s", x, y, color, dashed}}), color);
  };
  const std::size_t legend = drawn({}, {});
  const std::size_t solid = drawn({1, 2, 3}, {1, 4, 2});
  CHECK(solid > legend + 100);
  CHECK(drawn({1, 2, 3}, {1, 4, 2}, true) < solid);
  CHECK(drawn({1}, {5}) > legend);
  CHECK(drawn({1, 1}, {5, 5}) > legend);
  CHECK(drawn({1, 2, 3}, {1, nan_value, 2}) > legend);
  CHECK(drawn({1, 2}, {nan_value, HUGE_VAL}) == legend);
  CHECK(drawn({1, 2}, {1e-300, 1e300}) > legend);
  CHECK(drawn({1, 2}, {1e9, 1e9 + 1}) > legend);
  CHECK_ERROR(drawn({1, 2}, {1}), "2 x but 1 y");
  CHECK(line_chart({.title = "no room", .width = 20, .height = 20}, {}).width == 20);
}

TEST_CASE("chart: scatter plots check their labels") {
  const float x[] = {0, 1, 2};
  const float y[] = {0, NAN, 2};
  const std::int32_t labels[] = {0, 1, 1};
  const Picture plot = scatter_plot({.width = 500, .height = 400}, {x, y, labels, {"a", "b"}});
  CHECK(count_of(plot, series_color(0)) > 0);
  CHECK(scatter_plot({.width = 500, .height = 400}, {x, y, {}, {}}).width == 500);
  CHECK(scatter_plot({.width = 500, .height = 400}, {x, y, labels, std::vector<std::string>(300, "many")}).width ==
        500);
  CHECK_ERROR(scatter_plot({}, {x, y, labels, {"a"}}), "of 1 classes holds the label 1");
  CHECK_ERROR(scatter_plot({}, {std::span(x).first(2), y, labels, {"a", "b"}}), "2 x, 3 y and 3 labels");
}

TEST_CASE("pictures: reconstructions, samples, latent map and curves") {
  std::vector<float> values(std::size_t{6} * 3 * 8 * 8, .5F);
  values[0] = NAN;
  values[1] = 9;
  const ImageBatch colour{values, {6, 3, 8, 8}};
  const ImageBatch grey{values, {18, 1, 8, 8}};
  const Picture samples = sample_grid(colour, 3);
  CHECK(samples.width == 3 * (64 + 4) + 4);
  CHECK(count_of(samples, {255, 0, 0}) == 64);  // the value that is not finite
  const Picture rows = captioned_rows({{"input", grey}, {"output", grey}}, 10);
  CHECK(rows.height > 4 * 64);
  CHECK(captioned_rows({{"noisy", grey}, {"restored", grey}, {"clean", grey}}, 10).height > rows.height);
  CHECK(panels({rows, samples}).width == rows.width + samples.width);
  CHECK(titled(rows, "a title").height > rows.height);
  CHECK(latent_map(std::vector<float>{0, 1, 2, 3}, std::vector<std::int32_t>{0, 1}, {"a", "b"}).width > 0);
  CHECK(loss_curves({{"loss", {3, 2, 1}, {3, 2.5}}}).width > 0);
  CHECK(loss_curves({}).width > 0);
  const Picture charts = loss_curves({{"loss", {3, 2}, {}}, {"kl", {1, 2}, {}}, {"recon", {2, 0}, {}}});
  CHECK(charts.width == 1800);  // two charts a row
  CHECK(charts.height == 1080);
  // The mark at the best epoch of validation.
  CHECK(loss_curves({{"loss", {3, 2, 1}, {3, 2, 2.5}}}) != loss_curves({{"recon", {3, 2, 1}, {3, 2, 2.5}}}));
  CHECK_ERROR(sample_grid({values, {6, 2, 8, 12}}), "1 or 3 channels");
  CHECK_ERROR(sample_grid({values, {6, 3, 64}}), "[N,C,H,W]");
  CHECK_ERROR(sample_grid({values, {5, 3, 8, 8}}), "take 960 values, but 1152 were given");
  CHECK_ERROR(sample_grid(ImageBatch{{}, {0, 1, 8, 8}}), "[0,1,8,8]");
  CHECK_ERROR(sample_grid(colour, 0), "0 columns");
  CHECK_ERROR(captioned_rows({{"input", colour}, {"output", grey}}), "'input' are [6,3,8,8], but 'output' [18,1,8,8]");
  CHECK_ERROR(captioned_rows({{"input", grey}}, 0), "0 columns");
  CHECK_ERROR(captioned_rows({}), "no rows");
  CHECK_ERROR(panels({}), "no panels");
  CHECK_ERROR(latent_map(std::vector<float>{1, 2, 3}, {}, {}), "3 values were given");
}

}  // namespace
}  // namespace weft::training
