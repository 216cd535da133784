// Augmentations of the values of pixels: exact values where the change is known, else statistics; errors of all
// augmentations.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/frontend/augmented.h"

using namespace weft;
using namespace weft::test;

TEST_CASE("colour jitter: factors act as torchvision's adjust_ functions") {
  const Dims dims{1, 3, 1, 2};
  const Numbers x = {0.2, 0.6, 0.4, 0.1, 0.8, 0.3};  // (r,g,b) = (.2,.4,.8) and (.6,.1,.3)
  // No range, no change.
  check_close(changed(dims, x, [](Tensor t) { return colour_jitter(t, {}); }), x);
  check_close(changed(dims, x, [](Tensor t) { return colour_jitter(t, {.probability = 0}); }), x);
  // The factor of the brightness is common to all.
  const Numbers bright = changed(dims, x, [](Tensor t) { return colour_jitter(t, {.brightness = 0.2}); });
  for (std::size_t i = 0; i < 6; ++i) CHECK(bright[i] / x[i] == doctest::Approx(bright[0] / x[0]));
  CHECK(bright[0] != x[0]);
  // Contrast keeps the mean grey, saturation the grey of each pixel.
  const auto grey = [](const Numbers& y, std::size_t i) { return 0.2989 * y[i] + 0.587 * y[2 + i] + 0.114 * y[4 + i]; };
  const Numbers contrast = changed(dims, x, [](Tensor t) { return colour_jitter(t, {.contrast = 0.2}); });
  CHECK(grey(contrast, 0) + grey(contrast, 1) == doctest::Approx(grey(x, 0) + grey(x, 1)).epsilon(1e-3));
  const double stretch = (contrast[1] - contrast[0]) / (x[1] - x[0]);
  CHECK((contrast[5] - contrast[4]) / (x[5] - x[4]) == doctest::Approx(stretch));
  const Numbers saturated = changed(dims, x, [](Tensor t) { return colour_jitter(t, {.saturation = 0.2}); });
  for (std::size_t i = 0; i < 2; ++i) CHECK(grey(saturated, i) == doctest::Approx(grey(x, i)).epsilon(1e-3));
  // The hue turns; largest and smallest channel stay.
  for (int seed = 0; seed < 10; ++seed) {
    const Numbers turned = changed(
        dims, x, [](Tensor t) { return colour_jitter(t, {.hue = 0.5}); }, seed);
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(std::max({turned[i], turned[2 + i], turned[4 + i]}) ==
            doctest::Approx(std::max({x[i], x[2 + i], x[4 + i]})));
      CHECK(std::min({turned[i], turned[2 + i], turned[4 + i]}) ==
            doctest::Approx(std::min({x[i], x[2 + i], x[4 + i]})));
    }
  }
  const Numbers flat(6, 0.25);  // grey has no hue
  check_close(changed(dims, flat, [](Tensor t) { return colour_jitter(t, {.saturation = 0.5, .hue = 0.5}); }), flat,
              1e-4);  // the weights of a grey add up to 0.9999, as torchvision's do
  // One channel: brightness and contrast alone.
  check_close(
      changed({1, 1, 1, 2}, {0.5, 0.5}, [](Tensor t) { return colour_jitter(t, {.saturation = 1, .hue = 0.5}); }),
      {0.5, 0.5});
}

TEST_CASE("the hue of red turned by a third of the circle is green") {
  // Of many draws from -1/2 to 1/2, each is the colour of its angle: v - c * clamp(min(k, 4 - k), 0, 1).
  const Dims dims{200, 3, 1, 1};
  Numbers red;
  for (int n = 0; n < 200; ++n) red.insert(red.end(), {1, 0, 0});
  const Numbers y = changed(dims, red, [](Tensor t) { return colour_jitter(t, {.hue = 0.5}); });
  bool green = false, blue = false;
  for (std::size_t n = 0; n < 200; ++n) {
    CHECK(std::min({y[3 * n], y[3 * n + 1], y[3 * n + 2]}) == doctest::Approx(0));
    CHECK(std::max({y[3 * n], y[3 * n + 1], y[3 * n + 2]}) == doctest::Approx(1));
    green = green || (y[3 * n + 1] > 0.99 && y[3 * n] < 0.2);
    blue = blue || (y[3 * n + 2] > 0.99 && y[3 * n] < 0.2);
  }
  CHECK(green);
  CHECK(blue);
}

TEST_CASE("random greyscale") {
  const Numbers x = {0.2, 0.4, 0.8};
  const double grey = 0.2989 * 0.2 + 0.587 * 0.4 + 0.114 * 0.8;
  check_close(changed({1, 3, 1, 1}, x, [](Tensor t) { return random_grayscale(t, 1); }), {grey, grey, grey});
  check_close(changed({1, 3, 1, 1}, x, [](Tensor t) { return random_grayscale(t, 0); }), x);
  CHECK(changed({1, 1, 1, 1}, {0.5}, [](Tensor t) { return random_grayscale(t, 1); }) == Numbers{0.5});
}

TEST_CASE("gaussian blur is the separable kernel with reflected edges") {
  const Numbers x = picture(30);
  const GaussianBlur blur{.size = 5, .deviation = {0.8, 0.8}};
  const Numbers y = changed({1, 1, 5, 6}, x, [&](Tensor t) { return gaussian_blur(t, blur); });
  double weights[5], total = 0;
  for (int i = 0; i < 5; ++i) total += weights[i] = std::exp(-0.5 * (i - 2) * (i - 2) / 0.64);
  const auto mirrored = [](int i, int size) { return i < 0 ? -i : i >= size ? 2 * size - 2 - i : i; };
  for (int row = 0; row < 5; ++row)
    for (int column = 0; column < 6; ++column) {
      double expected = 0;
      for (int i = 0; i < 5; ++i)
        for (int j = 0; j < 5; ++j)
          expected +=
              weights[i] * weights[j] * x[std::size_t(mirrored(row + i - 2, 5) * 6 + mirrored(column + j - 2, 6))];
      CHECK(y[std::size_t(row * 6 + column)] == doctest::Approx(expected / (total * total)));
    }
  check_close(changed({1, 1, 5, 6}, x, [](Tensor t) { return gaussian_blur(t, {.probability = 0}); }), x);
  check_close(changed({1, 1, 5, 6}, x, [](Tensor t) { return gaussian_blur(t, {.size = 1}); }), x);
}

TEST_CASE("noise: statistics and extremes") {
  const Dims dims{100, 100};
  const Numbers half(10000, 0.5);
  const Numbers noisy = changed(dims, half, [](Tensor t) { return gaussian_noise(t, 0.2); });
  double variance = 0;
  for (const double each : noisy) variance += (each - 0.5) * (each - 0.5) / 10000;
  CHECK(mean_of(noisy) == doctest::Approx(0.5).epsilon(0.02));
  CHECK(std::sqrt(variance) == doctest::Approx(0.2).epsilon(0.05));
  const auto share = [](const Numbers& y, double value) {
    return double(std::count(y.begin(), y.end(), value)) / 10000;
  };
  const Numbers masked = changed(dims, half, [](Tensor t) { return masking_noise(t, 0.3); });
  CHECK(share(masked, 0) == doctest::Approx(0.3).epsilon(0.1));
  CHECK(share(masked, 0) + share(masked, 0.5) == 1);
  const Numbers salted = changed(dims, half, [](Tensor t) { return salt_and_pepper(t, 0.2); });
  CHECK(share(salted, 0) == doctest::Approx(0.1).epsilon(0.1));
  CHECK(share(salted, 1) == doctest::Approx(0.1).epsilon(0.1));
  CHECK(share(salted, 0.5) == doctest::Approx(0.8).epsilon(0.1));
  CHECK(changed(dims, half, [](Tensor t) { return masking_noise(t, 0); }) == half);
  CHECK(share(changed(dims, half, [](Tensor t) { return salt_and_pepper(t, 1); }), 0.5) == 0);
}

TEST_CASE("cutout blanks a square, cut at the edges") {
  const Numbers ones(50 * 36, 1.0);
  const Numbers y = changed({50, 1, 6, 6}, ones, [](Tensor t) { return cutout(t, 3); });
  double least = 36, most = 0;
  for (std::size_t n = 0; n < 50; ++n) {
    const double zeros = double(std::count(&y[36 * n], &y[36 * n] + 36, 0.0));
    least = std::min(least, zeros);
    most = std::max(most, zeros);
  }
  CHECK(most == 9);
  CHECK(least >= 4);
  CHECK(least < 9);
  CHECK(changed({50, 1, 6, 6}, ones, [](Tensor t) { return cutout(t, 0); }) == ones);
}

TEST_CASE("channels are normalised") {
  check_close(changed({1, 2, 1, 2}, {1, 2, 3, 4},
                      [](Tensor t) {
                        return normalise_channels(t, {1, 2}, {0.5, 2});
                      }),
              {0, 2, 0.5, 1});
}

TEST_CASE("each picture and each step has changes of its own, and a seed repeats them") {
  const Dims dims{2, 3, 4, 4};
  Numbers x = picture(48);
  x.insert(x.end(), x.begin(), x.end());
  const Change all = [](Tensor t) {
    t = Affine(t).crop().flip().vary({.degrees = 20, .translate_x = 0.1, .shear_x_degrees = 10}).sample(t);
    t = colour_jitter(t, {.brightness = 0.4, .contrast = 0.4, .saturation = 0.4, .hue = 0.1, .probability = 0.8});
    t = gaussian_blur(random_grayscale(t, 0.2));
    return salt_and_pepper(masking_noise(gaussian_noise(cutout(t, 2), 0.1), 0.1), 0.1);
  };
  const Numbers first = changed(dims, x, all, 3, 0);
  CHECK(first == changed(dims, x, all, 3, 0));
  CHECK(first != changed(dims, x, all, 3, 1));
  CHECK(first != changed(dims, x, all, 4, 0));
  CHECK(!std::equal(first.begin(), first.begin() + 48, first.begin() + 48));
  CHECK(std::all_of(first.begin(), first.end(), [](double each) { return std::isfinite(each); }));
}

TEST_CASE("settings and pictures that make no sense name the user's line") {
  const auto error = [](const Dims& dims, const Change& change) {
    return error_of([&] { graph_of(Mode::train, [&](Entry& entry) { change(entry.input("x", dims)); }); });
  };
  const int line = __LINE__ + 1;
  const std::string tall = error({B, 3, 28, 32}, [](Tensor t) { return rotate90(t, turns_of({1})); });
  CHECK(tall == fmt::format("augment_test.cpp:{}: [turn] only square images turn by 90 degrees, these are 28 high and "
                            "32 wide: crop or pad them first",
                            line));
  const auto has = [&](const Dims& dims, const Change& change, const std::string& part) {
    const std::string message = error(dims, change);
    CAPTURE(message);
    CHECK(message.find("augment_test.cpp:") == 0);
    CHECK(message.find(part) != std::string::npos);
  };
  const Dims good{B, 3, 8, 8};
  has(
      {B, 3, 8, 4}, [](Tensor t) { return rotation_batch(t).images; }, "only square images");
  has(
      good, [](Tensor t) { return rotate90(t, turns_of({1})); }, "one number of turns per image, i32[B], got i32[1]");
  has(
      good,
      [](Tensor t) {
        return random_resized_crop(t, {{0.9, 0.5}, {1, 1}});
      },
      "area of a crop must rise");
  has(
      good,
      [](Tensor t) {
        return random_resized_crop(t, {{0.5, 0.9}, {0, 1}});
      },
      "ratio of a crop must rise");
  has(
      good,
      [](Tensor t) {
        return random_affine(t, {.scale = {0, 1}});
      },
      "scale must rise");
  has(
      good, [](Tensor t) { return random_affine(t, {.degrees = -1}); }, "rotation");
  has(
      good, [](Tensor t) { return random_flip(t, 1.5); }, "probability of a flip is 0 to 1, got 1.5");
  has(
      {B, 64}, [](Tensor t) { return random_flip(t); }, "images must be f32[B,C,H,W]");
  has(
      good, [](Tensor t) { return colour_jitter(t, {.hue = 0.6}); }, "hue is 0 to 0.5, got 0.6");
  has(
      good, [](Tensor t) { return colour_jitter(t, {.brightness = -1}); }, "brightness is at least 0");
  has(
      good, [](Tensor t) { return colour_jitter(t, {.probability = 2}); }, "a probability is 0 to 1");
  has(
      {B, 4, 8, 8}, [](Tensor t) { return random_grayscale(t); }, "1 or 3 channels, got f32[B,4,8,8]");
  has(
      good, [](Tensor t) { return gaussian_blur(t, {.size = 4}); }, "the size of the kernel must be odd, got 4");
  has(
      good, [](Tensor t) { return gaussian_blur(t, {.size = 17}); }, "beyond the reflected edge of images of 8 x 8");
  has(
      good,
      [](Tensor t) {
        return gaussian_blur(t, {.deviation = {0, 1}});
      },
      "deviation must rise and be above 0");
  has(
      good, [](Tensor t) { return gaussian_noise(t, -1); }, "deviation is at least 0");
  has(
      good, [](Tensor t) { return masking_noise(t, -0.1); }, "[masking_noise] a probability");
  has(
      good, [](Tensor t) { return salt_and_pepper(t, 1.1); }, "[salt_and_pepper] a probability");
  has(
      good, [](Tensor t) { return cutout(t, -1); }, "side of the square");
  has(
      good, [](Tensor t) { return normalise_channels(t, {0}, {1}); }, "one mean and one deviation per channel");
  has(
      good,
      [](Tensor t) {
        return normalise_channels(t, {0, 0, 0}, {1, 0, 1});
      },
      "deviations must be above 0");
}
