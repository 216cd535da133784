// Winograd convolutions as generated kernels: against sums in double, and the same bits on every machine and number of
// threads.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>

#include "backends/cpu/program/jit.h"
#include "backends/cpu/program/schedule.h"
#include "backends/cpu/program/thunk.h"
#include "backends/cpu/threads/memory.h"

using namespace weft;
using cpu::Winograd;
using cpu::WinogradPart;

namespace {

using Floats = std::vector<float>;

weft_convolution_step convolution(weft_direction direction, std::int64_t images, std::int64_t height,
                                  std::int64_t width, std::int64_t in, std::int64_t out) {
  weft_convolution_step step{};
  step.direction = direction;
  const std::int64_t x[] = {images, in, height, width}, w[] = {out, in, 3, 3}, y[] = {images, out, height, width};
  std::copy_n(x, 4, step.x);
  std::copy_n(w, 4, step.w);
  std::copy_n(y, 4, step.y);
  for (int i = 0; i < 2; ++i) step.stride[i] = step.padding[i] = step.dilation[i] = 1;
  step.groups = 1;
  step.channels_last = 1;
  step.weights_layout = step.activation = "";
  return step;
}

// Aligned, and full of NaN.
class Memory {
 public:
  explicit Memory(std::size_t numbers) : count(numbers), data_(numbers + 16, std::nanf("")) {
    void* start = data_.data();
    std::size_t room = data_.size() * sizeof(float);
    data = static_cast<float*>(std::align(64, numbers * sizeof(float), start, room));
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  const std::size_t count;
  float* data;

 private:
  Floats data_;
};

struct Case {
  weft_convolution_step step;
  Floats x, w, y, bias;  // the one that is made is empty
};

std::size_t size_of(const std::int64_t (&dims)[4]) { return std::size_t(dims[0] * dims[1] * dims[2] * dims[3]); }

Case make_case(const weft_convolution_step& step, std::mt19937& engine) {
  Case made{step, {}, {}, {}, {}};
  const auto fill = [&](Floats& values, std::size_t count) {
    values.resize(count);
    for (float& value : values) value = std::uniform_real_distribution<float>(-1, 1)(engine);
  };
  if (step.direction != WEFT_BACK_TO_X) fill(made.x, size_of(step.x));
  if (step.direction != WEFT_BACK_TO_W) fill(made.w, size_of(step.w));
  if (step.direction != WEFT_FORWARD) fill(made.y, size_of(step.y));
  if (step.bias != 0) fill(made.bias, std::size_t(step.y[1]));
  return made;
}

// The kernels of a case, compiled for a cpu, run on so many threads.
Floats run(const Case& problem, const std::string& cpu, int threads) {
  const weft_convolution_step& step = problem.step;
  const bool of_weights = step.direction == WEFT_BACK_TO_W;
  cpu::Jit jit(cpu);
  if (!of_weights) jit.add(cpu::winograd_of(step, WinogradPart::kernels, "kernels"));
  jit.add(cpu::winograd_of(step, of_weights ? WinogradPart::weights : WinogradPart::result, "result"));
  jit.compile();
  Floats x = problem.x, w = problem.w, y = problem.y, bias = problem.bias;
  Floats& result = of_weights ? w : step.direction == WEFT_FORWARD ? y : x;
  const std::size_t count = of_weights                       ? size_of(step.w)
                            : step.direction == WEFT_FORWARD ? size_of(step.y)
                                                             : size_of(step.x);
  result.assign(count + 32, 7.0f);  // the last ones belong to others
  std::vector<void*> buffers = of_weights                       ? std::vector<void*>{x.data(), y.data(), w.data()}
                               : step.direction == WEFT_FORWARD ? std::vector<void*>{x.data(), w.data(), y.data()}
                                                                : std::vector<void*>{y.data(), w.data(), x.data()};
  if (step.bias != 0) buffers.insert(buffers.begin() + 2, bias.data());
  for (int times = 0; times < 2; ++times)  // what the first leaves in scratch is of no matter
    if (of_weights) {
      const Memory scratch(jit.kernel(0).scratch_bytes / sizeof(float));
      cpu::run_kernel(jit.kernel(0), buffers.data(), scratch.data, threads);
    } else {
      const weft_winograd_step both{step.bias, cpu::aligned(cpu::winograd_kernels_bytes(step)), &jit.kernel(0),
                                    &jit.kernel(1)};
      cpu::WinogradThunk thunk(both, threads);
      const Memory scratch(thunk.scratch_bytes() / sizeof(float));
      thunk.bind(buffers, scratch.data);
      thunk.run();
    }
  for (std::size_t i = count; i < result.size(); ++i) REQUIRE(result[i] == 7.0f);
  result.resize(count);
  return result;
}

// Sums in double.
std::vector<double> expected(const Case& problem) {
  const weft_convolution_step& step = problem.step;
  const std::int64_t height = step.x[2], width = step.x[3], in = step.x[1], out = step.y[1];
  const std::size_t count = step.direction == WEFT_FORWARD     ? size_of(step.y)
                            : step.direction == WEFT_BACK_TO_X ? size_of(step.x)
                                                               : size_of(step.w);
  std::vector<double> result(count, 0.0);
  if (step.bias != 0)
    for (std::size_t i = 0; i < count; ++i) result[i] = double(problem.bias[i % std::size_t(out)]);
  for (std::int64_t n = 0; n < step.x[0]; ++n)
    for (std::int64_t r = 0; r < height; ++r)
      for (std::int64_t c = 0; c < width; ++c)
        for (std::int64_t tap = 0; tap < 9; ++tap) {
          const std::int64_t row = r + tap / 3 - 1, column = c + tap % 3 - 1;
          if (row < 0 || row >= height || column < 0 || column >= width) continue;
          const auto x = std::size_t(((n * height + row) * width + column) * in),
                     y = std::size_t(((n * height + r) * width + c) * out);
          for (std::size_t k = 0; k < std::size_t(out); ++k)
            for (std::size_t i = 0; i < std::size_t(in); ++i) {
              const std::size_t w = (k * std::size_t(in) + i) * 9 + std::size_t(tap);
              if (step.direction == WEFT_FORWARD)
                result[y + k] += double(problem.x[x + i]) * double(problem.w[w]);
              else if (step.direction == WEFT_BACK_TO_X)
                result[x + i] += double(problem.y[y + k]) * double(problem.w[w]);
              else
                result[w] += double(problem.x[x + i]) * double(problem.y[y + k]);
            }
        }
  if (std::strcmp(step.activation, "relu") == 0)
    for (double& value : result) value = std::max(value, 0.0);
  return result;
}

double relative_error(const Floats& values, const std::vector<double>& wanted) {
  double errors = 0, squares = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const double error = double(values[i]) - wanted[i];
    errors += error * error;
    squares += wanted[i] * wanted[i];
  }
  return std::sqrt(errors / squares);
}

constexpr weft_direction kDirections[] = {WEFT_FORWARD, WEFT_BACK_TO_X, WEFT_BACK_TO_W};

}  // namespace

TEST_CASE("each direction is within 2e-6 of sums in double, with the same bits for any machine and threads") {
  std::mt19937 engine(5);
  const auto between = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(engine); };
  for (const weft_direction direction : kDirections)
    for (int i = 0; i < 8; ++i) {
      weft_convolution_step step =
          convolution(direction, between(1, 9), between(1, 17), between(1, 17), 16 * between(1, 5), 16 * between(1, 5));
      if (direction == WEFT_FORWARD) {
        step.bias = between(0, 1);
        if (between(0, 1) == 1) step.activation = "relu";
      }
      const Case problem = make_case(step, engine);
      const std::string text = fmt::format("direction {}: {} images {}x{}, {} to {}", int(direction), step.x[0],
                                           step.x[2], step.x[3], step.x[1], step.y[1]);
      CAPTURE(text);
      const Floats one = run(problem, "x86-64-v3", 1);
      CHECK(relative_error(one, expected(problem)) < 2e-6);
      for (const int threads : {2, 3, 7}) CHECK(run(problem, "x86-64-v3", threads) == one);
      CHECK(run(problem, "native", 1) == one);
      CHECK(run(problem, "native", 3) == one);
    }
}

TEST_CASE("the convolutions of the zoo are within 2e-6 in each direction") {
  std::mt19937 engine(6);
  const std::int64_t shapes[][4] = {
      {8, 32, 64, 64}, {16, 14, 32, 64}, {64, 8, 64, 128}, {64, 4, 128, 256}, {12, 8, 256, 512}};
  for (const auto& [images, size, in, out] : shapes)
    for (const weft_direction direction : kDirections) {
      const weft_convolution_step step = convolution(direction, images, size, size, in, out);
      CHECK(cpu::suits_winograd(step));
      const Case problem = make_case(step, engine);
      const double error = relative_error(run(problem, "native", 2), expected(problem));
      MESSAGE(fmt::format("{} images {}x{}, {} to {}, direction {}: {:.2e}", images, size, size, in, out,
                          int(direction), error));
      CHECK(error < 2e-6);
    }
}

TEST_CASE("shapes for which Winograd does not pay") {
  const weft_convolution_step good = convolution(WEFT_FORWARD, 8, 16, 16, 32, 64);
  CHECK(cpu::suits_winograd(good));
  const auto refused = [&](auto change) {
    weft_convolution_step step = good;
    change(step);
    return !cpu::suits_winograd(step);
  };
  CHECK(refused([](auto& step) { step.stride[1] = 2; }));
  CHECK(refused([](auto& step) { step.padding[0] = 0; }));
  CHECK(refused([](auto& step) { step.dilation[0] = 2; }));
  CHECK(refused([](auto& step) { step.groups = 2; }));
  CHECK(refused([](auto& step) { step.channels_last = 0; }));
  CHECK(refused([](auto& step) { step.w[2] = 5; }));
  CHECK(refused([](auto& step) { step.x[1] = step.w[1] = 16; }));
  CHECK(refused([](auto& step) { step.y[1] = step.w[0] = 40; }));
  CHECK(refused([](auto& step) { step.x[0] = step.y[0] = 2; }));  // few tiles
  CHECK(refused([](auto& step) {                                  // mostly edges
    step.x[0] = step.y[0] = 64;
    step.x[2] = step.y[2] = step.x[3] = step.y[3] = 5;
  }));
}

TEST_CASE("who computes a convolution follows from the options, the shape and the machine") {
  using enum Contractions;
  const weft_convolution_step good = convolution(WEFT_FORWARD, 8, 16, 16, 32, 64),
                              large = convolution(WEFT_BACK_TO_W, 64, 8, 8, 256, 256),
                              small = convolution(WEFT_FORWARD, 8, 16, 16, 3, 64);
  weft_convolution_step blocked = good;
  blocked.weights_layout = "hwio";
  for (const bool avx512 : {false, true}) {
    const auto goes = [&](const weft_convolution_step& step, Contractions contractions, bool winograd = true) {
      return cpu::goes_by_winograd(step, {"", winograd, contractions, avx512});
    };
    CHECK(goes(good, automatic));
    CHECK(goes(good, generated));
    CHECK_FALSE(goes(good, onednn));
    CHECK_FALSE(goes(good, automatic, false));
    CHECK_FALSE(goes(good, generated, false));
    CHECK_FALSE(goes(blocked, automatic));
    CHECK_FALSE(goes(small, generated));
    CHECK(goes(large, automatic) == !avx512);  // there oneDNN's is faster
    CHECK(goes(large, generated));
  }
}
