// Draws the pictures of docs/internals/transposed-convolution.md: what a transposed convolution makes of x =
// [[1,2],[3,4]] with the kernel 1..9. Every number in them is computed by Weft.
//
//   build/release/bin/draw_transposed_convolution docs/pictures
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "frontend/weft.h"
#include "runtime/atomic_file.h"
#include "training/plot/canvas.h"
#include "training/session.h"

using namespace weft;
using namespace weft::training;

namespace {

constexpr int kInput = 2, kKernel = 3;
constexpr int kCell = 40, kGap = 48, kMargin = 24, kCaption = 30;

// A square of numbers.
struct Square {
  int size = 0;
  std::vector<float> values;

  float at(int row, int column) const { return values[static_cast<std::size_t>(row * size + column)]; }
};

// --- The numbers ---------------------------------------------------------------------------------------------------

// Entries that apply the kernel 1..9: without padding ("canvas"), with one pixel of padding ("cropped"), and, where the
// stride allows it, with one pixel of output_padding as well ("extended").
ir::Module make_module(int stride) {
  ir::Module module{"transposed_convolution", {}};
  const auto add = [&](const char* name, const ConvTranspose2dOptions& options) {
    Entry entry(module, name, Mode::eval);
    const Tensor x = entry.input("x", {B, 1, kInput, kInput});
    const Tensor w = constant({1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 1, kKernel, kKernel});
    entry.output("y", conv_transpose2d(x, w, options));
  };
  add("canvas", {.stride = stride});
  add("cropped", {.stride = stride, .padding = 1});
  if (stride > 1) add("extended", {.stride = stride, .padding = 1, .output_padding = 1});
  return module;
}

// The pixels one by one, each alone in a picture of zeros, and last all of them.
runtime::HostTensor inputs() {
  constexpr int pixels = kInput * kInput;
  runtime::HostTensor x = runtime::HostTensor::zeros(ir::DType::f32, {pixels + 1, 1, kInput, kInput});
  for (int i = 0; i < pixels; ++i)
    for (const int row : {i, pixels}) x.as<float>()[static_cast<std::size_t>(row * pixels + i)] = float(i + 1);
  return x;
}

std::vector<Square> run(Session& session, const char* entry) {
  const runtime::HostTensor y = session.run(entry, {{"x", inputs()}}).at("y");
  const auto size = static_cast<int>(y.shape.back());
  std::vector<Square> squares;
  for (std::int64_t row = 0; row < y.shape.front(); ++row) {
    const auto values = y.as<float>().subspan(static_cast<std::size_t>(row * size * size));
    squares.push_back({size, {values.begin(), values.begin() + size * size}});
  }
  return squares;
}

// --- The drawing ---------------------------------------------------------------------------------------------------

constexpr std::array<Color, 4> kColors{{{66, 133, 244}, {234, 120, 60}, {52, 168, 83}, {160, 90, 200}}};
constexpr Color kGrid{205, 210, 216};

// Columns of squares from left to right.
class Sheet {
 public:
  Sheet(int width, int height) : canvas_(width, height) {}

  // `tint` colours a cell: it is asked for each that is not 0.
  template <typename Tint>
  void square(int x, int y, const Square& square, const std::string& caption, Tint tint) {
    canvas_.text({double(x), y + 8.0}, caption, {.size = 16});
    for (int row = 0; row < square.size; ++row)
      for (int column = 0; column < square.size; ++column)
        cell(x + column * kCell, y + kCaption + row * kCell, square.at(row, column), tint, row, column);
  }

  // Where the cropped picture lies in the canvas.
  void frame(int x, int y, int from, int size) {
    canvas_.outline(x + from * kCell, y + kCaption + from * kCell, size * kCell, size * kCell, {.width = 3});
  }

  void sign(int x, int y, const char* text) {
    canvas_.text({double(x), double(y)}, text, {.size = 26, .align = Align::centre});
  }

  std::string png() const { return canvas_.png(); }

 private:
  template <typename Tint>
  void cell(int x, int y, float value, Tint tint, int row, int column) {
    if (value != 0) tint(canvas_, x, y, row, column);
    canvas_.outline(x, y, kCell, kCell, {.color = kGrid});
    if (value == 0) return;
    canvas_.text({x + kCell / 2.0, y + kCell / 2.0}, fmt::format("{:g}", value), {.size = 18, .align = Align::centre});
  }

  Canvas canvas_;
};

void fill(Canvas& canvas, int x, int y, Color color, float opacity) {
  canvas.rectangle(x, y, kCell, kCell, color, opacity);
}

std::string draw(int stride) {
  Session session(make_module(stride), SessionOptions{.backend = backend_names().front(), .optimizer = {}});
  const std::vector<Square> canvases = run(session, "canvas");
  const int size = canvases.front().size, wide = size * kCell;

  const int first = kMargin, second = first + kCaption + kKernel * kCell + kGap;
  const int third = second + kCaption + wide + kGap;
  Sheet sheet(2 * kMargin + 4 * wide + 3 * kGap, third + kCaption + wide + kMargin);
  const auto plain = [](Canvas&, int, int, int, int) {};
  const auto of_pixel = [](std::size_t pixel) {
    return [=](Canvas& canvas, int x, int y, int, int) { fill(canvas, x, y, kColors[pixel], 0.35F); };
  };

  sheet.square(kMargin, first, {kInput, {1, 2, 3, 4}}, "x: 2 x 2",
               [](Canvas& canvas, int x, int y, int row, int column) {
                 fill(canvas, x, y, kColors[static_cast<std::size_t>(row * kInput + column)], 0.35F);
               });
  sheet.square(kMargin + kInput * kCell + kGap, first, {kKernel, {1, 2, 3, 4, 5, 6, 7, 8, 9}}, "w: 3 x 3", plain);

  for (int pixel = 0; pixel < kInput * kInput; ++pixel) {
    const int x = kMargin + pixel * (wide + kGap);
    sheet.square(x, second, canvases[static_cast<std::size_t>(pixel)],
                 fmt::format("{} w at ({},{})", pixel + 1, pixel / kInput * stride, pixel % kInput * stride),
                 of_pixel(static_cast<std::size_t>(pixel)));
    if (pixel > 0) sheet.sign(x - kGap / 2, second + kCaption + wide / 2, "+");
  }

  // Each cell of the sum wears the colours of the pixels that reach it.
  const auto overlaps = [&](int offset) {
    return [&, offset](Canvas& canvas, int x, int y, int row, int column) {
      for (std::size_t pixel = 0; pixel < kColors.size(); ++pixel) {
        const int r = row + offset, c = column + offset;
        if (r < size && c < size && canvases[pixel].at(r, c) != 0) fill(canvas, x, y, kColors[pixel], 0.22F);
      }
    };
  };
  sheet.square(kMargin, third, canvases.back(), "the sum", overlaps(0));
  const Square cropped = run(session, "cropped").back();
  sheet.frame(kMargin, third, 1, cropped.size);
  int x = kMargin + wide + kGap;
  sheet.square(x, third, cropped, fmt::format("padding 1: {} x {}", cropped.size, cropped.size), overlaps(1));
  if (stride == 1) return sheet.png();
  const Square extended = run(session, "extended").back();
  x += wide + kGap;
  sheet.square(x, third, extended, fmt::format("output_padding 1: {} x {}", extended.size, extended.size), overlaps(1));
  return sheet.png();
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    fmt::print(stderr, "usage: draw_transposed_convolution FOLDER\n");
    return 2;
  }
  try {
    for (const int stride : {1, 2}) {
      const auto path =
          std::filesystem::path(arguments[1]) / fmt::format("transposed-convolution-stride-{}.png", stride);
      runtime::write_file(path, draw(stride));
      fmt::print("{}\n", path.string());
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "draw_transposed_convolution: {}\n", error.what());
    return 1;
  }
  return 0;
}
