// What Winograd's F(4x4,3x3) reaches on channels-last images, in each direction: one thread, as a multiple of this
// machine's FMA peak by the multiplications of the direct algorithm, and its relative L2 error against double.
//
//   clang++-19 -O3 -std=c++20 -march=x86-64-v3 bench/study/winograd.cpp -o /tmp/winograd && /tmp/winograd
//   (and with -march=x86-64-v4 -mprefer-vector-width=512 for AVX-512)
//
// docs/evidence/contractions.md holds results.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "vectors.h"

namespace {

#ifdef __AVX512F__
constexpr int kRows = 12, kGradientRows = 8;
#else
constexpr int kRows = 6, kGradientRows = 4;
#endif
constexpr int kVectors = 2, kPanel = kVectors * kWidth;

Vector fma(float a, Vector b, Vector c) { return __builtin_elementwise_fma(a - Vector{}, b, c); }

// The points 0, +-1/sqrt 2, +-sqrt 2 and infinity.
constexpr float kR = 1.41421356f;

void image_transform(Vector* d) {  // B^T
  const Vector a = fma(-2, d[2], d[4]), b = fma(-kR, d[1], kR / 2 * d[3]), c = fma(-.5f, d[2], d[4]),
               e = fma(-kR / 2, d[1], kR * d[3]);
  d[0] = fma(-2.5f, d[2], d[0] + d[4]);
  d[5] = fma(-2.5f, d[3], d[1] + d[5]);
  d[1] = a + b, d[2] = a - b, d[3] = c + e, d[4] = c - e;
}

void result_transform(const Vector* m, Vector* o) {  // A^T
  const Vector a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
  o[0] = m[0] + (a + c);
  o[1] = fma(kR / 2, b, kR * d);
  o[2] = fma(.5f, a, c + c);
  o[3] = fma(kR / 4, b, fma(2 * kR, d, m[5]));
}

void gradient_transform(const Vector* y, Vector* o) {  // A
  const Vector a = fma(.5f, y[2], y[0]), b = fma(kR / 4, y[3], kR / 2 * y[1]), c = fma(2, y[2], y[0]),
               d = fma(2 * kR, y[3], kR * y[1]);
  o[0] = y[0], o[1] = a + b, o[2] = a - b, o[3] = c + d, o[4] = c - d, o[5] = y[3];
}

// G, in double: weights are transformed once a step.
constexpr double kG[6][3] = {{1, 0, 0},
                             {-2 / 3., -M_SQRT2 / 3, -1 / 3.},
                             {-2 / 3., M_SQRT2 / 3, -1 / 3.},
                             {1 / 6., M_SQRT2 / 6, 1 / 3.},
                             {1 / 6., -M_SQRT2 / 6, 1 / 3.},
                             {0, 0, 1}};

struct Problem {
  long images, height, width, in, out;
  long high() const { return (height + 3) / 4; }
  long wide() const { return (width + 3) / 4; }
  long tiles() const { return images * high() * wide(); }
};

template <int R>
__attribute__((noinline)) void tile(long depth, const float* a, long a_row, long a_step, const float* b, long b_step,
                                    float* c, long c_row, bool adds) {
  Vector sums[R][kVectors];
#pragma clang loop unroll(full)
  for (int i = 0; i < R; ++i)
#pragma clang loop unroll(full)
    for (int j = 0; j < kVectors; ++j) sums[i][j] = adds ? load(c + i * c_row + j * kWidth) : Vector{};
  const auto steps = [&](auto at) {
    for (long k = 0; k < depth; ++k, b += b_step) {
      Vector row[kVectors];
#pragma clang loop unroll(full)
      for (int j = 0; j < kVectors; ++j) row[j] = load(b + j * kWidth);
#pragma clang loop unroll(full)
      for (int i = 0; i < R; ++i)
#pragma clang loop unroll(full)
        for (int j = 0; j < kVectors; ++j) sums[i][j] = fma(at(i, k), row[j], sums[i][j]);
    }
  };
  if (a_row == 1)
    steps([&](int i, long k) { return a[k * a_step + i]; });
  else
    steps([&](int i, long k) { return a[i * a_row + k]; });
#pragma clang loop unroll(full)
  for (int i = 0; i < R; ++i)
#pragma clang loop unroll(full)
    for (int j = 0; j < kVectors; ++j) store(c + i * c_row + j * kWidth, sums[i][j]);
}

// The 6x6 transforms of tiles of x: v[36][tiles][channels], from pixels or, outside the image, zeros.
void images_of(const Problem& p, const float* x, long channels, long first, long count, long room, const float* zeros,
               float* v) {
  for (long t = 0; t < count; ++t) {
    const long id = first + t, n = id / (p.high() * p.wide()), r0 = id / p.wide() % p.high() * 4 - 1,
               c0 = id % p.wide() * 4 - 1;
    const float* pixels[6][6];
    for (long i = 0; i < 6; ++i)
      for (long j = 0; j < 6; ++j) {
        const bool inside = r0 + i >= 0 && r0 + i < p.height && c0 + j >= 0 && c0 + j < p.width;
        pixels[i][j] = inside ? x + ((n * p.height + r0 + i) * p.width + c0 + j) * channels : zeros;
      }
    for (long c = 0; c < channels; c += kWidth) {
      Vector d[6][6], line[6];
#pragma clang loop unroll(full)
      for (int j = 0; j < 6; ++j) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 6; ++i) line[i] = load(pixels[i][j] + c);
        image_transform(line);
#pragma clang loop unroll(full)
        for (int i = 0; i < 6; ++i) d[i][j] = line[i];
      }
#pragma clang loop unroll(full)
      for (int i = 0; i < 6; ++i) {
        image_transform(d[i]);
#pragma clang loop unroll(full)
        for (int j = 0; j < 6; ++j) store(v + ((i * 6 + j) * room + t) * channels + c, d[i][j]);
      }
    }
  }
}

// The 4x4 pixels of y behind each tile; null outside.
void pixels_of(const Problem& p, float* y, long id, float* outside, float* (*pixels)[4]) {
  const long n = id / (p.high() * p.wide()), r0 = id / p.wide() % p.high() * 4, c0 = id % p.wide() * 4;
  for (long i = 0; i < 4; ++i)
    for (long j = 0; j < 4; ++j)
      pixels[i][j] =
          r0 + i < p.height && c0 + j < p.width ? y + ((n * p.height + r0 + i) * p.width + c0 + j) * p.out : outside;
}

void results_of(const Problem& p, const float* m, long first, long count, long room, float* outside, float* y) {
  for (long t = 0; t < count; ++t) {
    float* pixels[4][4];
    pixels_of(p, y, first + t, outside, pixels);
    for (long k = 0; k < p.out; k += kWidth) {
      Vector d[4][6], line[6], o[4];
#pragma clang loop unroll(full)
      for (int j = 0; j < 6; ++j) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 6; ++i) line[i] = load(m + ((i * 6 + j) * room + t) * p.out + k);
        result_transform(line, o);
#pragma clang loop unroll(full)
        for (int i = 0; i < 4; ++i) d[i][j] = o[i];
      }
#pragma clang loop unroll(full)
      for (int i = 0; i < 4; ++i) {
        result_transform(d[i], o);
#pragma clang loop unroll(full)
        for (int j = 0; j < 4; ++j) store(pixels[i][j] + k, o[j]);
      }
    }
  }
}

void gradients_of(const Problem& p, float* y, long first, long count, long room, float* zeros, float* m) {
  for (long t = 0; t < count; ++t) {
    float* pixels[4][4];
    pixels_of(p, y, first + t, zeros, pixels);
    for (long k = 0; k < p.out; k += kWidth) {
      Vector d[6][4], line[4], o[6];
#pragma clang loop unroll(full)
      for (int j = 0; j < 4; ++j) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 4; ++i) line[i] = load(pixels[i][j] + k);
        gradient_transform(line, o);
#pragma clang loop unroll(full)
        for (int i = 0; i < 6; ++i) d[i][j] = o[i];
      }
#pragma clang loop unroll(full)
      for (int i = 0; i < 6; ++i) {
        gradient_transform(d[i], o);
#pragma clang loop unroll(full)
        for (int j = 0; j < 6; ++j) store(m + ((i * 6 + j) * room + t) * p.out + k, o[j]);
      }
    }
  }
}

// u[36][out / panel][in][panel] of w[out][in][3][3].
void kernels_of(const Problem& p, const float* w, float* u) {
  for (long k = 0; k < p.out; ++k)
    for (long c = 0; c < p.in; ++c)
      for (int i = 0; i < 6; ++i)
        for (int j = 0; j < 6; ++j) {
          double sum = 0;
          for (int a = 0; a < 3; ++a)
            for (int b = 0; b < 3; ++b) sum += kG[i][a] * kG[j][b] * double(w[(k * p.in + c) * 9 + a * 3 + b]);
          u[(((i * 6 + j) * (p.out / kPanel) + k / kPanel) * p.in + c) * kPanel + k % kPanel] = float(sum);
        }
}

struct Room {
  float *u, *v, *m, *zeros, *outside;
};

void forward(const Problem& p, const float* x, float* y, long block, const Room& room) {
  for (long first = 0; first < p.tiles(); first += block) {
    const long count = std::min(block, p.tiles() - first);
    images_of(p, x, p.in, first, count, block, room.zeros, room.v);
    for (int e = 0; e < 36; ++e)
      for (long k = 0; k < p.out; k += kPanel)
        for (long t = 0; t < block; t += kRows)
          tile<kRows>(p.in, room.v + (e * block + t) * p.in, p.in, 1, room.u + (e * p.out + k) * p.in, kPanel,
                      room.m + (e * block + t) * p.out + k, p.out, false);
    results_of(p, room.m, first, count, block, room.outside, y);
  }
}

void weights(const Problem& p, const float* x, float* y, float* dw, long block, const Room& room) {
  for (long first = 0; first < p.tiles(); first += block) {
    const long count = std::min(block, p.tiles() - first);
    images_of(p, x, p.in, first, count, block, room.zeros, room.v);
    gradients_of(p, y, first, count, block, room.zeros, room.m);
    for (int e = 0; e < 36; ++e)
      for (long k = 0; k < p.out; k += kPanel)
        for (long c = 0; c < p.in; c += kGradientRows)
          tile<kGradientRows>(count, room.v + e * block * p.in + c, 1, p.in, room.m + e * block * p.out + k, p.out,
                              room.u + (e * p.in + c) * p.out + k, p.out, first > 0);
  }
  for (long c = 0; c < p.in; ++c)
    for (long k = 0; k < p.out; ++k)
      for (int a = 0; a < 3; ++a)
        for (int b = 0; b < 3; ++b) {
          double sum = 0;
          for (int i = 0; i < 6; ++i)
            for (int j = 0; j < 6; ++j)
              sum += kG[i][a] * kG[j][b] * double(room.u[((i * 6 + j) * p.in + c) * p.out + k]);
          dw[(k * p.in + c) * 9 + a * 3 + b] = float(sum);
        }
}

float* numbers(long count) {
  float* data = static_cast<float*>(std::aligned_alloc(4096, std::size_t(count * 4 + 4095) / 4096 * 4096));
  for (long i = 0; i < count; ++i) data[i] = float(std::rand()) / float(RAND_MAX) - .5f;
  return data;
}

double pixel(const Problem& p, const float* x, long channels, long n, long r, long c, long k) {
  return r < 0 || r >= p.height || c < 0 || c >= p.width ? 0
                                                         : double(x[((n * p.height + r) * p.width + c) * channels + k]);
}

double forward_error(const Problem& p, const float* x, const float* w, const float* y) {
  double errors = 0, squares = 0;
  for (int q = 0; q < 3000; ++q) {
    const long n = std::rand() % p.images, r = std::rand() % p.height, c = std::rand() % p.width,
               k = std::rand() % p.out;
    double sum = 0;
    for (int a = 0; a < 3; ++a)
      for (int b = 0; b < 3; ++b)
        for (long i = 0; i < p.in; ++i)
          sum += pixel(p, x, p.in, n, r + a - 1, c + b - 1, i) * double(w[(k * p.in + i) * 9 + a * 3 + b]);
    const double error = pixel(p, y, p.out, n, r, c, k) - sum;
    errors += error * error, squares += sum * sum;
  }
  return std::sqrt(errors / squares);
}

double weights_error(const Problem& p, const float* x, const float* y, const float* dw) {
  double errors = 0, squares = 0;
  for (int q = 0; q < 300; ++q) {
    const long i = std::rand() % p.in, k = std::rand() % p.out, a = std::rand() % 3, b = std::rand() % 3;
    double sum = 0;
    for (long n = 0; n < p.images; ++n)
      for (long r = 0; r < p.height; ++r)
        for (long c = 0; c < p.width; ++c)
          sum += pixel(p, x, p.in, n, r + a - 1, c + b - 1, i) * pixel(p, y, p.out, n, r, c, k);
    const double error = double(dw[(k * p.in + i) * 9 + a * 3 + b]) - sum;
    errors += error * error, squares += sum * sum;
  }
  return std::sqrt(errors / squares);
}

void measure(const Problem& p) {
  float *x = numbers(p.images * p.height * p.width * p.in), *y = numbers(p.images * p.height * p.width * p.out),
        *w = numbers(9 * p.in * p.out), *dw = numbers(9 * p.in * p.out);
  const long most = 192;
  const Room room{numbers(36 * p.in * p.out), numbers(36 * most * p.in), numbers(36 * most * p.out),
                  numbers(p.in + p.out), numbers(p.out)};
  std::fill_n(room.zeros, p.in + p.out, 0.0f);
  const double work = 2e-9 * 9 * double(p.images * p.height * p.width) * double(p.in * p.out);
  std::printf("%ld images %ldx%ld, %ld to %ld\n", p.images, p.height, p.width, p.in, p.out);
  for (const long block : {24L, 48L, 96L, 192L}) {
    const double of = peak();
    const double back = least_seconds(.3, [&] { weights(p, x, y, dw, block, room); });
    const double back_error = weights_error(p, x, y, dw);
    const double kernels = least_seconds(.05, [&] { kernels_of(p, w, room.u); });
    float* result = numbers(p.images * p.height * p.width * p.out);
    const double seconds = least_seconds(.3, [&] { forward(p, x, result, block, room); });
    std::printf(
        "  %3ld tiles: forward %5.2f of the peak, error %.2e; weights %5.2f, error %.2e; kernels take %.0f us\n", block,
        work / seconds / of, forward_error(p, x, w, result), work / back / of, back_error, kernels * 1e6);
    std::free(result);
  }
  for (float* each : {x, y, w, dw, room.u, room.v, room.m, room.zeros, room.outside}) std::free(each);
}

}  // namespace

int main() {
  std::printf("peak %.1f GFLOP/s\n", peak());
  measure({32, 32, 32, 64, 64});
  measure({128, 14, 14, 32, 64});
  measure({128, 8, 8, 64, 128});
  measure({128, 4, 4, 256, 256});
}
