// What register tiles, packing and blocking do for a matmul on one thread, as a share of this machine's FMA peak.
//
//   clang++-19 -O3 -std=c++20 -march=x86-64-v3 bench/study/tiles.cpp -o /tmp/tiles && /tmp/tiles
//   (and with -march=x86-64-v4 for AVX-512)
//
// The peak is measured before and after each row of figures: other programs may use the machine. Each figure is the
// best of many short runs, by the thread's own time. docs/evidence/contractions.md holds results.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "vectors.h"

namespace {

// c[R, V vectors] += a * b over the depth. Strides are constants, as in generated code: addresses are displacements.
template <int R, int V, long a_row, long a_step, long b_step, long c_row>
__attribute__((noinline)) void tile(long depth, const float* a, const float* b, float* c, bool adds) {
  Vector sums[R][V];
#pragma clang loop unroll(full)
  for (int i = 0; i < R; ++i)
#pragma clang loop unroll(full)
    for (int j = 0; j < V; ++j) sums[i][j] = adds ? load(c + i * c_row + j * kWidth) : Vector{};
  for (long k = 0; k < depth; ++k, a += a_step, b += b_step) {
    Vector row[V];
#pragma clang loop unroll(full)
    for (int j = 0; j < V; ++j) row[j] = load(b + j * kWidth);
#pragma clang loop unroll(full)
    for (int i = 0; i < R; ++i) {
      const Vector number = a[i * a_row] - Vector{};  // exactly the number in each lane: a broadcast
#pragma clang loop unroll(full)
      for (int j = 0; j < V; ++j) sums[i][j] = __builtin_elementwise_fma(number, row[j], sums[i][j]);
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < R; ++i)
#pragma clang loop unroll(full)
    for (int j = 0; j < V; ++j) store(c + i * c_row + j * kWidth, sums[i][j]);
}

struct Shape {
  long m, k, n;
  bool turned_a, turned_b;
};
constexpr Shape kShapes[] = {{128, 784, 400, false, false},
                             {128, 400, 784, false, true},
                             {784, 128, 400, true, false},
                             {1024, 1000, 1000, false, false}};

// Rows and columns rounded down to whole tiles: edges are no question here.
template <int R, int V, int kShape, bool pack_a, bool pack_b>
double product(const float* a, const float* b, float* c, long depth_block, long row_block, float* room) {
  constexpr Shape s = kShapes[kShape];
  constexpr long kColumns = V * kWidth, kAi = s.turned_a ? 1 : s.k, kAk = s.turned_a ? s.m : 1,
                 kBk = s.turned_b ? 1 : s.n, kBj = s.turned_b ? s.k : 1;
  float* packed_a = room;
  float* packed_b = room + (row_block + 16) * depth_block;
  constexpr long whole_m = s.m / R * R, whole_n = s.n / kColumns * kColumns;
  for (long k0 = 0; k0 < s.k; k0 += depth_block) {
    const long depth = std::min(depth_block, s.k - k0);
    for (long i0 = 0; i0 < whole_m; i0 += row_block) {
      const long rows = std::min(row_block, whole_m - i0);
      if (pack_a)
        for (long i = 0; i < rows; i += R)
          for (long p = 0; p < depth; ++p)
            for (long r = 0; r < R; ++r) packed_a[i * depth + p * R + r] = a[(i0 + i + r) * kAi + (k0 + p) * kAk];
      for (long j = 0; j < whole_n; j += kColumns) {
        if (pack_b)
          for (long p = 0; p < depth; ++p) {
            const float* from = b + (k0 + p) * kBk + j * kBj;
            float* to = packed_b + p * kColumns;
            if (!s.turned_b)
              for (int v = 0; v < V; ++v) store(to + v * kWidth, load(from + v * kWidth));
            else
              for (long q = 0; q < kColumns; ++q) to[q] = from[q * kBj];
          }
        for (long i = 0; i < rows; i += R)
          tile<R, V, pack_a ? 1 : kAi, pack_a ? R : kAk, pack_b ? kColumns : kBk, s.n>(
              depth, pack_a ? packed_a + i * depth : a + (i0 + i) * kAi + k0 * kAk,
              pack_b ? packed_b : b + k0 * kBk + j, c + (i0 + i) * s.n + j, k0 > 0);
      }
    }
  }
  return 2e-9 * double(whole_m) * double(whole_n) * double(s.k);
}

float* numbers(long count, bool filled) {
  float* data = static_cast<float*>(std::aligned_alloc(4096, std::size_t(count * 4 + 4095) / 4096 * 4096));
  for (long i = 0; i < count; ++i) data[i] = filled ? float(i % 7 - 3) : 0;
  return data;
}

struct Room {
  float *a, *b, *c, *scratch;
};

template <int R, int V, int kShape, bool pack_a, bool pack_b>
void measure(const Room& room) {
  constexpr Shape s = kShapes[kShape];
  if constexpr (s.turned_b && !pack_b) return;
  std::printf("%ldx%ldx%ld %s%s %dx%d%s%s:", s.m, s.k, s.n, s.turned_a ? "T" : "N", s.turned_b ? "T" : "N", R,
              V * kWidth, pack_a ? ", a packed" : "", pack_b ? ", b packed" : "");
  for (const long depth : {s.k, 512L, 384L, 256L, 192L})
    for (const long rows : {s.m, 240L, 120L}) {
      if ((depth != s.k && depth >= s.k) || (rows != s.m && rows >= s.m)) continue;
      const double before = peak();
      double work = 0;
      const double seconds = least_seconds(.04, [&] {
        work = product<R, V, kShape, pack_a, pack_b>(room.a, room.b, room.c, depth, rows == s.m ? rows : rows / R * R,
                                                     room.scratch);
      });
      std::printf("  %ld/%ld %.0f", depth, rows, 100 * work / seconds / std::max(before, peak()));
    }
  std::printf("\n");
}

template <int R, int V, int kShape>
void measure_packing(const Room& room) {
  measure<R, V, kShape, false, false>(room);
  measure<R, V, kShape, false, true>(room);
  measure<R, V, kShape, true, true>(room);
}

template <int kShape>
void measure_tiles() {
  const Room room{numbers(1 << 20, true), numbers(1 << 20, true), numbers(1 << 20, false), numbers(1 << 22, false)};
#ifdef __AVX512F__
  measure_packing<14, 2, kShape>(room);
  measure_packing<12, 2, kShape>(room);
  measure_packing<9, 3, kShape>(room);
  measure_packing<8, 3, kShape>(room);
  measure_packing<5, 5, kShape>(room);
#else
  measure_packing<6, 2, kShape>(room);
  measure_packing<4, 3, kShape>(room);
  measure_packing<5, 2, kShape>(room);
#endif
  for (float* each : {room.a, room.b, room.c, room.scratch}) std::free(each);
}

}  // namespace

int main() {
  std::printf("depth block / row block, percent of the peak (%.1f GFLOP/s)\n", peak());
  measure_tiles<0>();
  measure_tiles<1>();
  measure_tiles<2>();
  measure_tiles<3>();
}
