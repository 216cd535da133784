// Bursts of multiply-adds and of memory traffic on every thread at once.
#include "tools/peak.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace weft::tools {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// --- Multiply-adds: independent chains, enough to hide the latency ---------------------------------------------------

constexpr int chains = 12;

#if defined(__x86_64__)

__attribute__((target("avx512f"))) double fma_512(std::int64_t rounds) {
  const __m512 scale = _mm512_set1_ps(0.999F), step = _mm512_set1_ps(0.001F);
  __m512 value[chains];
  for (__m512& each : value) each = step;
  for (std::int64_t i = 0; i < rounds; ++i)
#pragma GCC unroll 12
    for (int j = 0; j < chains; ++j) {
      value[j] = _mm512_fmadd_ps(value[j], scale, step);
      asm volatile("" : "+v"(value[j]));  // keeps the chain as it is written
    }
  return 2.0 * 16 * chains * double(rounds);
}

__attribute__((target("avx2,fma"))) double fma_256(std::int64_t rounds) {
  const __m256 scale = _mm256_set1_ps(0.999F), step = _mm256_set1_ps(0.001F);
  __m256 value[chains];
  for (__m256& each : value) each = step;
  for (std::int64_t i = 0; i < rounds; ++i)
#pragma GCC unroll 12
    for (int j = 0; j < chains; ++j) {
      value[j] = _mm256_fmadd_ps(value[j], scale, step);
      asm volatile("" : "+x"(value[j]));
    }
  return 2.0 * 8 * chains * double(rounds);
}

#endif

double multiply_add(std::int64_t rounds) {
  float value[chains] = {};
  for (std::int64_t i = 0; i < rounds; ++i)
    for (float& each : value) {
      each = each * 0.999F + 0.001F;
      asm volatile("" : "+m"(each));
    }
  return 2.0 * chains * double(rounds);
}

struct Burst {
  double (*run)(std::int64_t rounds);  // gives the operations done
  const char* name;
};

Burst best_burst() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return {fma_512, "512-bit fma"};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {fma_256, "256-bit fma"};
#endif
  return {multiply_add, "scalar multiply-add"};
}

// --- Memory ----------------------------------------------------------------------------------------------------------

constexpr std::size_t stream_floats = std::size_t{8} << 20;  // 32 MB an array and a thread: larger than its caches

#if defined(__x86_64__)
void store_past_caches(float* to, __m128 value) { _mm_stream_ps(to, value); }
#endif

void triad(float* a, const float* b, const float* c) {
#if defined(__x86_64__)
  const __m128 scale = _mm_set1_ps(3);
  for (std::size_t i = 0; i < stream_floats; i += 4)
    store_past_caches(a + i, _mm_add_ps(_mm_load_ps(b + i), _mm_mul_ps(scale, _mm_load_ps(c + i))));
#else
  for (std::size_t i = 0; i < stream_floats; ++i) a[i] = b[i] + 3 * c[i];
#endif
}

struct Stream {
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };
  static std::unique_ptr<float, Free> make() {
    std::unique_ptr<float, Free> memory(static_cast<float*>(std::aligned_alloc(64, stream_floats * sizeof(float))));
    if (!memory) throw std::bad_alloc();
    std::fill_n(memory.get(), stream_floats, 1.0F);
    return memory;
  }
  std::unique_ptr<float, Free> a = make(), b = make(), c = make();
};

// --- All threads at once ---------------------------------------------------------------------------------------------

// Runs `work(thread)` on every thread `bursts` times, all beginning each burst together; the shortest burst's seconds.
double best_of(int threads, int bursts, const std::function<void(int)>& work) {
  std::atomic<int> arrived{0};
  const auto meet = [&](int round) {
    arrived.fetch_add(1);
    while (arrived.load() < threads * round) {  // spins: a sleeping thread would wake late
    }
  };
  double best = 1e30;
  const auto run = [&](int thread) {
    for (int burst = 0; burst < bursts; ++burst) {
      meet(2 * burst + 1);
      const Clock::time_point start = Clock::now();
      work(thread);
      meet(2 * burst + 2);
      if (thread == 0) best = std::min(best, seconds_since(start));
    }
  };
  std::vector<std::jthread> others;
  for (int thread = 1; thread < threads; ++thread) others.emplace_back(run, thread);
  run(0);
  return best;
}

}  // namespace

Peak measure_peak(int threads) {
  constexpr std::int64_t rounds = 200'000;
  const Burst burst = best_burst();
  double operations = 0;
  const double compute = best_of(threads, 60, [&](int thread) {
    const double done = burst.run(rounds);
    if (thread == 0) operations = done;
  });

  std::vector<Stream> streams(static_cast<std::size_t>(threads));
  const double memory = best_of(threads, 6, [&](int thread) {
    const Stream& stream = streams[static_cast<std::size_t>(thread)];
    triad(stream.a.get(), stream.b.get(), stream.c.get());
  });
  return {threads, operations * threads / compute / 1e9,
          3.0 * double(stream_floats) * sizeof(float) * threads / memory / 1e9, burst.name};
}

}  // namespace weft::tools
