// Measures this machine's limits: FMA peak, memory bandwidth, and the cost of an OpenMP region.
//
//   g++ -O3 -march=native -mprefer-vector-width=512 -std=c++20 -fopenmp limits.cpp -o /tmp/limits
//   OMP_WAIT_POLICY=active OMP_PROC_BIND=true /tmp/limits        (and once without OMP_WAIT_POLICY)
//
// Each figure is the best of many short bursts, because other programs may use the machine.
#include <immintrin.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

template <class Body>
double best_seconds(int rounds, Body body) {
  double best = 1e9;
  for (int i = 0; i < rounds; ++i) {
    double start = now();
    body();
    best = std::min(best, now() - start);
  }
  return best;
}

using F16 = float __attribute__((vector_size(64)));
using F8 = float __attribute__((vector_size(32)));

/// 12 independent chains of fused multiply-adds; returns the number of floating point operations.
template <class V>
double fma_chains(long iterations) {
  const V scale = V{} + .999f, step = V{} + .001f;
  V a0 = step, a1 = step, a2 = step, a3 = step, a4 = step, a5 = step;
  V a6 = step, a7 = step, a8 = step, a9 = step, a10 = step, a11 = step;
  auto fma = [&](V& a) {
    a = a * scale + step;
    asm volatile("" : "+v"(a));
  };
  for (long i = 0; i < iterations; ++i) {
    fma(a0), fma(a1), fma(a2), fma(a3), fma(a4), fma(a5);
    fma(a6), fma(a7), fma(a8), fma(a9), fma(a10), fma(a11);
  }
  return 2.0 * (sizeof(V) / sizeof(float)) * 12 * double(iterations);
}

template <class V>
void fma_peak(const char* name, int threads) {
  double flops = 0;
  double s = best_seconds(60, [&] {
    double total = 0;
#pragma omp parallel num_threads(threads) reduction(+ : total)
    total += fma_chains<V>(400000);
    flops = total;
  });
  std::printf("fma %s, %d thread(s): %.1f GFLOP/s\n", name, threads, flops / s / 1e9);
}

/// a = b + 3 c over `bytes` in total per thread; counts three streams, without write-allocate traffic.
void triad(const char* name, long bytes, int threads, bool streaming) {
  const long count = bytes / 3 / long(sizeof(float)) / 16 * 16;
  double s = 1e9;
  const long repeats = std::max(1L, (64L << 20) / bytes);
#pragma omp parallel num_threads(threads)
  {
    auto* a = static_cast<float*>(std::aligned_alloc(64, count * sizeof(float)));
    auto* b = static_cast<float*>(std::aligned_alloc(64, count * sizeof(float)));
    auto* c = static_cast<float*>(std::aligned_alloc(64, count * sizeof(float)));
    for (long i = 0; i < count; ++i) a[i] = b[i] = c[i] = float(i);
    for (int round = 0; round < 20; ++round) {
#pragma omp barrier
      double start = now();
      for (long r = 0; r < repeats; ++r) {
        for (long i = 0; i < count; i += 16) {
          __m512 v = _mm512_fmadd_ps(_mm512_load_ps(c + i), _mm512_set1_ps(3.f), _mm512_load_ps(b + i));
          if (streaming) {
            _mm512_stream_ps(a + i, v);
          } else {
            _mm512_store_ps(a + i, v);
          }
        }
        asm volatile("" ::: "memory");
      }
#pragma omp barrier
#pragma omp master
      s = std::min(s, now() - start);
    }
    std::free(a);
    std::free(b);
    std::free(c);
  }
  std::printf("triad %s, %d thread(s)%s: %.1f GB/s\n", name, threads, streaming ? ", streaming stores" : "",
              3.0 * double(count) * sizeof(float) * double(repeats) * threads / s / 1e9);
}

void fork_join() {
  const int regions = 2000;
  double s = best_seconds(50, [&] {
    for (int i = 0; i < regions; ++i) {
#pragma omp parallel num_threads(2)
      asm volatile("" ::: "memory");
    }
  });
  std::printf("omp fork and join, 2 threads: %.2f us\n", s / regions * 1e6);
}

}  // namespace

int main() {
  for (int threads : {1, 2}) {
    fma_peak<F16>("512-bit", threads);
    fma_peak<F8>("256-bit", threads);
  }
  for (int threads : {1, 2}) {
    triad("L1 (24 KiB)", 24 << 10, threads, false);
    triad("L2 (600 KiB a thread)", 600 << 10, threads, false);
    triad("L3 (6 MiB a thread)", 6 << 20, threads, false);
    triad("DRAM (192 MiB a thread)", 192 << 20, threads, false);
    triad("DRAM (192 MiB a thread)", 192 << 20, threads, true);
  }
  fork_join();
}
