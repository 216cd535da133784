// Drawing, charts and the pictures of a run. How they look is for eyes; here is what must hold.
#include "training/plot/canvas.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "tests/support/temp_folder.h"
#include "training/plot/chart.h"
#include "training/plot/plots.h"

namespace weft::training {
namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

Color pixel(const Image& picture, int x, int y) {
  const auto i = static_cast<std::size_t>((y * picture.width + x) * 3);
  return {picture.pixels[i], picture.pixels[i + 1], picture.pixels[i + 2]};
}

bool is(Color color, Color wanted) { return color.r == wanted.r && color.g == wanted.g && color.b == wanted.b; }

std::size_t count_of(const Image& picture, Color color) {
  std::size_t count = 0;
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) count += is(pixel(picture, x, y), color);
  }
  return count;
}

// The smallest rectangle that holds all pixels darker than half.
struct Box {
  int left = 1 << 20, right = -1, top = 1 << 20, bottom = -1;
};

Box dark_box(const Image& picture) {
  Box box;
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x) {
      if (pixel(picture, x, y).g >= 128) continue;
      box = {std::min(box.left, x), std::max(box.right, x), std::min(box.top, y), std::max(box.bottom, y)};
    }
  return box;
}

TEST_CASE("canvas: rectangles, discs and lines cover what they should, with soft edges") {
  Canvas canvas(40, 30);
  canvas.rectangle(35, 25, 100, 100, {1, 2, 3});
  CHECK(count_of(canvas.picture(), {1, 2, 3}) == 25);
  const Place centre{10, 10};
  canvas.discs({&centre, 1}, 5, {255, 0, 0});
  CHECK(is(pixel(canvas.picture(), 10, 10), {255, 0, 0}));
  CHECK(is(pixel(canvas.picture(), 10, 17), kWhite));
  canvas.line({0, 20.3}, {30, 22.3}, {.width = 2, .color = {0, 0, 0}});
  const int edge = pixel(canvas.picture(), 15, 20).g;
  CHECK((edge > 0 && edge < 255));
}

TEST_CASE("canvas: a line in the middle of pixels is sharp, one pixel a unit or two") {
  Canvas canvas(20, 20);
  canvas.line({2, 9.5}, {18, 9.5}, {.color = {0, 0, 0}});
  const Image once = canvas.picture(), twice = canvas.picture(2);
  for (const int y : {8, 10}) CHECK(is(pixel(once, 10, y), kWhite));
  CHECK(is(pixel(once, 10, 9), {0, 0, 0}));
  for (const int y : {17, 20}) CHECK(is(pixel(twice, 20, y), kWhite));
  for (const int y : {18, 19}) CHECK(is(pixel(twice, 20, y), {0, 0, 0}));
}

TEST_CASE("canvas: discs that overlap lay ink once, and a dashed line has gaps") {
  const Place centres[] = {{10, 10}, {12, 10}};
  Canvas canvas(100, 20);
  canvas.discs(centres, 5, {0, 0, 0}, .5);
  const Image discs = canvas.picture();
  CHECK(pixel(discs, 11, 10).g == pixel(discs, 7, 10).g);
  Canvas lines(100, 20);
  lines.line({0, 10.5}, {100, 10.5}, {.color = {0, 0, 0}, .dashed = true});
  const std::size_t dark = count_of(lines.picture(), {0, 0, 0});
  CHECK((dark > 40 && dark < 70));
}

TEST_CASE("canvas: drawing outside or at no place at all does no harm") {
  Canvas canvas(10, 10);
  canvas.line({-1e9, -1e9}, {1e9, 1e9}, {.width = 3});
  for (const Place& place : {Place{1e30, 5}, Place{NAN, 5}, Place{5, HUGE_VAL}}) {
    canvas.discs({&place, 1}, 3, kInk);
    canvas.text(place, "far away");
    canvas.line({5, 5}, place, {});
    canvas.rectangle(place.x, place.y, 3, 3, kInk);
  }
  canvas.text({-50, -50}, "far away");
  canvas.rectangle(-5, -5, 3, 3, kInk);
  canvas.image(8, 8, canvas.picture());
  CHECK(canvas.picture().pixels.size() == 300);
  CHECK_ERROR(Canvas(0, 5), "0x5 pixels");
  CHECK_ERROR(Canvas(5, 1 << 20), "each side takes 1 to 32767");
  CHECK_ERROR(canvas.image(0, 0, canvas.picture(), 0), "smallest scale is 1");
}

TEST_CASE("canvas: text stands where it should and is as wide as announced") {
  CHECK(has_font());
  for (const char* text : {"Weft", "H0123H", "loss/kl [nats]", "H\xc3\xa9H"}) {
    CAPTURE(text);
    const double width = text_width(text, 20);
    for (const auto& [align, left] :
         {std::pair(Align::left, 150.), {Align::centre, 150 - width / 2}, {Align::right, 150 - width}}) {
      Canvas canvas(300, 60);
      canvas.text({150, 30}, text, {.size = 20, .color = {0, 0, 0}, .align = align});
      const Box box = dark_box(canvas.picture());
      CHECK(std::abs(box.left - left) <= 4);
      CHECK(std::abs(box.right - (left + width)) <= 4);
    }
  }
  Canvas canvas(60, 300);
  canvas.text({30, 250}, "HHHHHH", {.size = 20, .color = {0, 0, 0}, .upward = true});
  const Box box = dark_box(canvas.picture());
  CHECK(std::abs(box.bottom - 250) <= 3);
  CHECK(std::abs((box.left + box.right) / 2. - 29.5) <= 1);  // capital letters around the line
  CHECK(text_width("", 14) == 0);
  CHECK(text_width("111", 14) == text_width("888", 14));
  CHECK(text_width("H", 14, true) > text_width("H", 14));
  CHECK(text_width("\xff\n", 14) == text_width("\\xff\\n", 14));  // what is no text is drawn as its escape
}

TEST_CASE("canvas: letters differ from one another") {
  std::set<std::string> drawn;
  for (char letter = '!'; letter <= '~'; ++letter) {
    Canvas canvas(30, 30);
    canvas.text({5, 15}, std::string_view(&letter, 1), {.size = 20});
    const Image picture = canvas.picture();
    drawn.insert(std::string(picture.pixels.begin(), picture.pixels.end()));
  }
  CHECK(drawn.size() == '~' - '!' + 1);
}

TEST_CASE("canvas: a drawing within a drawing, as PNG and as SVG") {
  Canvas inner(10, 10, {255, 0, 0});
  inner.rectangle(5, 5, 20, 20, {0, 0, 255});
  Canvas outer(30, 20);
  outer.draw(4, 3, inner);
  const Image picture = outer.picture();
  CHECK(count_of(picture, {255, 0, 0}) == 75);
  CHECK(count_of(picture, {0, 0, 255}) == 25);
  CHECK(is(pixel(picture, 9, 8), {0, 0, 255}));
  CHECK(decode_png(outer.png(), "drawing") == outer.picture(2));
  outer.text({2, 10}, "text");
  const std::string svg = outer.svg();
  CHECK(test::contains(svg, "<svg"));
  CHECK(test::contains(svg, "width=\"30px\" height=\"20px\""));
  CHECK(svg.ends_with("</svg>\n"));
  CHECK(!test::contains(svg, "<image"));  // all of it is shapes
  CHECK(!outer.has_images());
  inner.image(0, 0, picture);
  outer.draw(0, 0, inner);
  CHECK(outer.has_images());
  CHECK(decode_png(outer.png(), "drawing") == outer.picture());
}

TEST_CASE("canvas: grids") {
  const Image red{2, 2, 3, {255, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0}};
  const Image grey{2, 2, 1, {7, 7, 7, 7}};
  const Image grid = image_grid({red, grey, red}, {.columns = 2, .scale = 3, .gap = 1}).picture();
  CHECK(grid.width == 2 * 7 + 1);
  CHECK(grid.height == 2 * 7 + 1);
  CHECK(count_of(grid, {255, 0, 0}) == 2 * 36);
  CHECK(count_of(grid, {7, 7, 7}) == 36);
  CHECK_ERROR(image_grid({}), "at least one image");
  CHECK_ERROR(image_grid({red}, {.columns = 0}), "0 columns");
  CHECK_ERROR(image_grid({red, Image{1, 1, 1, {0}}}), "image 1 of a grid is 1x1, the first is 2x2");
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
    const Canvas chart = line_chart({.title = "t", .width = 400, .height = 300}, {{"s", x, y, color, dashed}});
    return count_of(chart.picture(), color);
  };
  const std::size_t legend = drawn({}, {});
  const std::size_t solid = drawn({1, 2, 3}, {1, 4, 2});
  CHECK(solid > legend + 100);
  CHECK(drawn({1, 2, 3}, {1, 4, 2}, true) < solid);
  CHECK(drawn({1}, {5}) > legend);
  CHECK(drawn({1, 1}, {5, 6}) > legend);
  CHECK(drawn({1, 2, 3}, {1, nan_value, 2}) > legend);
  CHECK(drawn({1, 2}, {nan_value, HUGE_VAL}) == legend);
  CHECK(drawn({1, 2}, {1e-300, 1e300}) > legend);
  CHECK(drawn({1, 2}, {1e9, 1e9 + 1}) > legend);
  CHECK_ERROR(drawn({1, 2}, {1}), "2 x but 1 y");
  CHECK(line_chart({.title = "no room", .width = 20, .height = 20}, {}).width() == 20);
}

TEST_CASE("chart: data stands where the axes say") {
  ChartFrame frame{.width = 400, .height = 300, .x_range = Range{0, 1}, .y_range = Range{0, 1}, .legend = false};
  const Color color{1, 2, 200};
  const auto place_of = [&](double x, double y) {
    const Image picture = line_chart(frame, {{"s", {x}, {y}, color}}).picture();
    Place sum;
    double count = 0;
    for (int row = 0; row < picture.height; ++row)
      for (int column = 0; column < picture.width; ++column)
        if (is(pixel(picture, column, row), color)) sum = {sum.x + column, sum.y + row}, ++count;
    return Place{sum.x / count, sum.y / count};
  };
  const Place low = place_of(.2, .2), high = place_of(.8, .8), middle = place_of(.5, .5);
  CHECK(middle.x == doctest::Approx((low.x + high.x) / 2).epsilon(.01));
  CHECK(middle.y == doctest::Approx((low.y + high.y) / 2).epsilon(.01));
  CHECK(high.y < low.y);
  CHECK(high.x - low.x > 150);
}

TEST_CASE("chart: scatter plots check their labels") {
  const float x[] = {0, 1, 2};
  const float y[] = {0, NAN, 2};
  const std::int32_t labels[] = {0, 1, 1};
  const Canvas plot = scatter_plot({.width = 500, .height = 400}, {x, y, labels, {"a", "b"}});
  CHECK(count_of(plot.picture(), series_color(0)) > 0);
  CHECK(scatter_plot({.width = 500, .height = 400}, {x, y, {}, {}}).width() == 500);
  CHECK(scatter_plot({.width = 500, .height = 400}, {x, y, labels, std::vector<std::string>(300, "many")}).width() ==
        500);
  CHECK_ERROR(scatter_plot({}, {x, y, labels, {"a"}}), "of 1 classes has the label 1");
  CHECK_ERROR(scatter_plot({}, {std::span(x).first(2), y, labels, {"a", "b"}}), "2 x, 3 y and 3 labels");
}

TEST_CASE("pictures: rows and grids of images") {
  std::vector<float> values(std::size_t{6} * 3 * 8 * 8, .5F);
  values[0] = NAN;
  values[1] = 9;
  const ImageBatch colour{values, {6, 3, 8, 8}};
  const ImageBatch grey{values, {18, 1, 8, 8}};
  const Canvas samples = sample_grid(colour, 3);
  CHECK(samples.width() == 3 * (64 + 4) + 4);
  CHECK(count_of(samples.picture(), {255, 0, 0}) == 64);  // the value that is not finite
  const Canvas rows = captioned_rows({{"input", grey}, {"output", grey}}, 10);
  CHECK(rows.height() > 4 * 64);
  CHECK(captioned_rows({{"noisy", grey}, {"restored", grey}, {"clean", grey}}, 10).height() > rows.height());
  const Canvas numbered = captioned_rows({{"input", grey}, {"output", grey}}, 10, {"z", {"-3", "3"}});
  CHECK(numbered.height() > rows.height());
  CHECK(titled(rows, "a title").height() > rows.height());
  const std::vector<float> plane(std::size_t{9} * 64, .5F);
  const Canvas axes = image_plane({plane, {9, 1, 8, 8}}, {-1, 1}, {-2, 2}, "z1", "z2");
  CHECK(axes.width() > 3 * 64);
  CHECK(count_of(axes.picture(), {128, 128, 128}) == 9 * 64 * 64);
  CHECK_ERROR(image_plane(colour, {0, 1}, {0, 1}, "z1", "z2"), "a plane of 6 images");
  CHECK_ERROR(sample_grid({values, {6, 2, 8, 12}}), "1 or 3 channels");
  CHECK_ERROR(sample_grid({values, {6, 3, 64}}), "[N,C,H,W]");
  CHECK_ERROR(sample_grid({values, {5, 3, 8, 8}}), "take 960 values, but 1152 were given");
  CHECK_ERROR(sample_grid(ImageBatch{{}, {0, 1, 8, 8}}), "[0,1,8,8]");
  CHECK_ERROR(sample_grid(colour, 0), "0 columns");
  CHECK_ERROR(captioned_rows({{"input", colour}, {"output", grey}}),
              "'input' has shape [6,3,8,8], but 'output' has [18,1,8,8]");
  CHECK_ERROR(captioned_rows({{"input", grey}}, 0), "0 columns");
  CHECK_ERROR(captioned_rows({}), "at least one row");
  CHECK_ERROR(panels({}), "at least one panel");
}

TEST_CASE("pictures: latent maps share one legend, curves fill their page") {
  const std::vector<float> points{0, 1, 2, 3};
  const std::vector<std::int32_t> labels{0, 1};
  const std::vector<std::string> names{"a", "b"};
  const Canvas one = latent_maps({{points}}, labels, names);
  const Canvas two = latent_maps({{points}, {points, "by t-SNE", "t"}}, labels, names);
  const Canvas legend = class_legend(names, two.height());
  CHECK((two.width() - legend.width()) % 2 == 0);
  // The discs of the legend, once a class, and one point a map.
  for (const int label : {0, 1})
    CHECK(count_of(two.picture(), series_color(label)) < 2 * count_of(one.picture(), series_color(label)));
  CHECK_ERROR(latent_maps({{{1, 2, 3}}}, {}, {}), "3 values were given");

  CHECK(loss_curves({{"loss", {3, 2, 1}, {3, 2.5}}}).width() > 0);
  CHECK(loss_curves({}).width() > 0);
  // The mark at the best epoch of validation.
  CHECK(loss_curves({{"loss", {3, 2, 1}, {3, 2, 2.5}}}).picture() !=
        loss_curves({{"recon", {3, 2, 1}, {3, 2, 2.5}}}).picture());
  for (const int count : {1, 2, 3, 4, 5, 8}) {
    CAPTURE(count);
    const Canvas charts = loss_curves(std::vector<LossCurve>(std::size_t(count), {"kl", {1, 2}, {}}));
    const Image picture = charts.picture();
    const Color line = series_color(0);
    for (int top = 0; top + 280 <= charts.height(); top += 80)  // no corner of the page is without a chart
      for (const int left : {0, charts.width() - charts.width() / 3}) {
        std::size_t inked = 0;
        for (int y = top; y < top + 280; ++y)
          for (int x = left; x < left + charts.width() / 3; ++x) inked += !is(pixel(picture, x, y), kWhite);
        CHECK(inked > 100);
      }
    CHECK(count_of(picture, line) > 0);
  }
}

}  // namespace
}  // namespace weft::training
