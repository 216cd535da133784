// The built-in digits: deterministic, balanced, inside the picture, and told apart by shape.
#include "training/data/digits.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "tests/support/temp_folder.h"

namespace weft::training {
namespace {

constexpr std::size_t pixels = kDigitSize * kDigitSize;

TEST_CASE("digits: shapes, names and sizes") {
  const DatasetSplits digits = make_digits({200, 30, 50, 1});
  CHECK(digits.train.samples.shape == std::vector<std::int64_t>{200, 1, 28, 28});
  CHECK(digits.validation.labels.shape == std::vector<std::int64_t>{30});
  CHECK(digits.test.size() == 50);
  CHECK(digits.train.classes == 10);
  CHECK(digits.train.class_names[9] == "9");
  const DigitsOptions defaults;
  CHECK(defaults.train == 20'000);
  CHECK(defaults.validation == 2'000);
  CHECK(defaults.test == 4'000);
  CHECK(make_digits({0, 0, 0, 1}).train.size() == 0);
  CHECK_ERROR(make_digits({-1, 0, 0, 1}), "cannot make -1 digits");
}

TEST_CASE("digits: a function of the seed; splits differ; a smaller set is the beginning of a larger one") {
  const DatasetSplits digits = make_digits({100, 100, 100, 1});
  CHECK(digits.train == make_digits({100, 0, 7, 1}).train);
  CHECK(digits.train.samples != make_digits({100, 0, 0, 2}).train.samples);
  CHECK(digits.train.samples != digits.validation.samples);
  CHECK(digits.train.samples != digits.test.samples);
  const Dataset fewer = make_digits({20, 0, 0, 1}).train;
  CHECK(
      std::ranges::equal(fewer.samples.as<std::uint8_t>(), digits.train.samples.as<std::uint8_t>().first(20 * pixels)));
}

TEST_CASE("digits: classes are balanced and in random order") {
  const Dataset train = make_digits({1000, 0, 0, 3}).train;
  const auto labels = train.labels.as<std::int32_t>();
  for (int digit = 0; digit < 10; ++digit) CHECK(std::ranges::count(labels, digit) == 100);
  CHECK(!std::ranges::equal(labels.first(10), labels.subspan(10, 10)));
}

TEST_CASE("digits: enough ink, and none at the border but noise") {
  const Dataset train = make_digits({2000, 0, 0, 4}).train;
  const auto images = train.samples.as<std::uint8_t>();
  for (std::size_t n = 0; n < 2000; ++n) {
    const auto image = images.subspan(n * pixels, pixels);
    const auto inked = std::ranges::count_if(image, [](int value) { return value > 128; });
    CHECK_MESSAGE((inked > 20 && inked < 300), "image ", n, " has ", inked);
    int border = 0;
    for (std::size_t i = 0; i < kDigitSize; ++i) {
      border = std::max({border, int{image[i]}, int{image[pixels - 1 - i]}, int{image[i * kDigitSize]},
                         int{image[i * kDigitSize + kDigitSize - 1]}});
    }
    CHECK_MESSAGE(border <= 13, "image ", n, " has ", border, " at its border");
  }
}

TEST_CASE("digits: nearest class mean tells most of them apart") {
  const DatasetSplits digits = make_digits({3000, 0, 500, 5});
  std::vector<std::array<float, pixels>> means(10);
  const auto train = digits.train.samples.as<std::uint8_t>();
  for (std::size_t i = 0; i < train.size(); ++i) {
    means[static_cast<std::size_t>(digits.train.labels.as<std::int32_t>()[i / pixels])][i % pixels] += train[i] / 300.F;
  }
  int right = 0;
  for (std::size_t n = 0; n < 500; ++n) {
    const auto image = digits.test.samples.as<std::uint8_t>().subspan(n * pixels, pixels);
    const auto distance = [&](const std::array<float, pixels>& mean) {
      float sum = 0;
      for (std::size_t i = 0; i < pixels; ++i) sum += (image[i] - mean[i]) * (image[i] - mean[i]);
      return sum;
    };
    const auto nearest = std::ranges::min_element(means, {}, distance) - means.begin();
    right += nearest == digits.test.labels.as<std::int32_t>()[n];
  }
  INFO("right: ", right, " of 500");
  CHECK(right > 300);
  CHECK(right < 495);  // else the task would teach nothing
}

TEST_CASE("digits: bad arguments") {
  std::vector<std::uint8_t> image(pixels);
  CHECK_ERROR(render_digit(10, {}, image), "no digit 10");
  CHECK_ERROR(render_digit(1, {}, std::span(image).first(3)), "takes 784 pixels, not 3");
}

}  // namespace
}  // namespace weft::training
