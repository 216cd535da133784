// The gradient of affine sampling: one thread per pixel of an image gathers, for all channels, from the samples that
// the pixel contributes to. Along a row of samples these lie between two columns, which the inverse map gives; one more
// on either side absorbs rounding. Each sample's position is computed exactly as in affine_sample.
#include "backends/cuda/codegen/text.h"
#include "backends/cuda/ops/op_kernel.h"

namespace weft::cuda {

namespace {

constexpr const char* kText = R"cuda(// affine_sample_grad of RESULT from SAMPLES, a thread per pixel
extern "C" __global__ void __launch_bounds__(128) NAME(const ELEMENT* theta, const ELEMENT* dy, ELEMENT* dx, void*) {
  constexpr int kImages = IMAGES, kChannels = CHANNELS, kHeight = HEIGHT, kWidth = WIDTH, kRows = ROWS, kColumns = COLUMNS;
  const long long item = (long long)blockIdx.x * 128 + threadIdx.x;
  if (item >= (long long)kImages * kHeight * kWidth) return;
  const int x = item % kWidth, y = item / kWidth % kHeight;
  const long long n = item / kWidth / kHeight;
  // In pixels: column = a * u + b * v + c, row = d * u + e * v + f, where u and v count samples from the middle.
  const float a = LOAD(theta[n * 6]) * A_SCALE, b = LOAD(theta[n * 6 + 1]) * B_SCALE;
  const float d = LOAD(theta[n * 6 + 3]) * D_SCALE, e = LOAD(theta[n * 6 + 4]) * E_SCALE;
  const float c = LOAD(theta[n * 6 + 2]) * HALF_WIDTH + MIDDLE_X, f = LOAD(theta[n * 6 + 5]) * HALF_HEIGHT + MIDDLE_Y;
  const bool by_column = fabsf(a) >= fabsf(d);  // which slope separates the columns of samples better
  const float slope = by_column ? a : d, goal = (by_column ? x : y) - (by_column ? c : f);
  for (int channel = 0; channel < kChannels; ++channel) {
    const long long plane = (n * kChannels + channel) * (kRows * kColumns);
    float sum = 0.0f;
    for (int i = 0; i < kRows; ++i) {
      const float v = i - MIDDLE_V;
      const float near = (goal - (by_column ? b : e) * v) / slope, reach = 1.0f / fabsf(slope);
      // A slope of 0 or a theta of NaN makes this NaN or infinite: then the loop visits all columns.
      const bool known = fabsf(near) + reach < 1e6f;
      const int first = known ? larger((int)floorf(near - reach + MIDDLE_U) - 1, 0) : 0;
      const int last = known ? smaller((int)ceilf(near + reach + MIDDLE_U) + 1, kColumns - 1) : kColumns - 1;
      for (int j = first; j <= last; ++j) {
        const float u = j - MIDDLE_U;
        const float row = d * u + e * v + f, column = a * u + b * v + c;
        const float row_floor = floorf(row), column_floor = floorf(column);
        const float up = row - row_floor, right = column - column_floor;
        const float row_share = row_floor == y ? 1.0f - up : row_floor + 1.0f == y ? up : 0.0f;
        const float column_share = column_floor == x ? 1.0f - right : column_floor + 1.0f == x ? right : 0.0f;
        const float share = row_share * column_share;
        if (share != 0.0f) sum += share * LOAD(dy[plane + i * kColumns + j]);
      }
    }
    dx[((n * kChannels + channel) * kHeight + y) * kWidth + x] = STORE(sum);
  }
}
)cuda";

}  // namespace

EmittedKernel emit_affine_sample_grad(const OpShape& op, const std::string& name) {
  const auto image = ir::numbers(op.result.dims), samples = ir::numbers(op.operands[1].dims);
  const auto real = [](double value) { return literal(value, Kind::f32); };
  const double height = double(image[2]), width = double(image[3]), rows = double(samples[2]),
               columns = double(samples[3]);
  std::vector<std::pair<std::string, std::string>> words = {
      {"NAME", name},
      {"RESULT", to_string(op.result)},
      {"SAMPLES", to_string(op.operands[1])},
      {"HALF_WIDTH", real(width / 2)},
      {"HALF_HEIGHT", real(height / 2)},
      {"MIDDLE_X", real((width - 1) / 2)},
      {"MIDDLE_Y", real((height - 1) / 2)},
      {"MIDDLE_U", real((columns - 1) / 2)},
      {"MIDDLE_V", real((rows - 1) / 2)},
      {"A_SCALE", real(width / columns)},
      {"B_SCALE", real(width / rows)},
      {"D_SCALE", real(height / columns)},
      {"E_SCALE", real(height / rows)},
      {"IMAGES", std::to_string(image[0])},
      {"CHANNELS", std::to_string(image[1])},
      {"HEIGHT", std::to_string(image[2])},
      {"WIDTH", std::to_string(image[3])},
      {"ROWS", std::to_string(samples[2])},
      {"COLUMNS", std::to_string(samples[3])},
  };
  for (const auto& each : element_words(op)) words.push_back(each);
  EmittedKernel result;
  result.text = fill_in(kText, words);
  result.launches = {one_each(name, image[0] * image[2] * image[3], 128)};
  return result;
}

}  // namespace weft::cuda
