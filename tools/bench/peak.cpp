// Times bursts of multiply-adds and of memory traffic on all threads at once.
#include "tools/bench/peak.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/clock.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace weft::tools {

namespace {

// --- Multiply-adds: independent chains, enough to hide the latency ---------------------------------------------------

constexpr int kChains = 12;

#if defined(__x86_64__)

// Each chain stays in its own register; the empty assembly prevents the compiler from merging steps.
#define WEFT_CHAINS(Vector, set, next)                                            \
  const Vector scale = set(0.999F), step = set(0.001F);                           \
  Vector a = step, b = step, c = step, d = step, e = step, f = step;              \
  Vector g = step, h = step, i = step, j = step, k = step, l = step;              \
  for (std::int64_t round = 0; round < rounds; ++round) {                         \
    a = next(a, scale, step), b = next(b, scale, step), c = next(c, scale, step); \
    d = next(d, scale, step), e = next(e, scale, step), f = next(f, scale, step); \
    g = next(g, scale, step), h = next(h, scale, step), i = next(i, scale, step); \
    j = next(j, scale, step), k = next(k, scale, step), l = next(l, scale, step); \
    asm volatile("" : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f));      \
    asm volatile("" : "+v"(g), "+v"(h), "+v"(i), "+v"(j), "+v"(k), "+v"(l));      \
  }                                                                               \
  return 2.0 * (sizeof(Vector) / sizeof(float)) * kChains * double(rounds);

__attribute__((target("avx512f"))) double fma_512(std::int64_t rounds) {
  WEFT_CHAINS(__m512, _mm512_set1_ps, _mm512_fmadd_ps)
}

__attribute__((target("avx2,fma"))) double fma_256(std::int64_t rounds) {
  WEFT_CHAINS(__m256, _mm256_set1_ps, _mm256_fmadd_ps)
}

#undef WEFT_CHAINS

#endif

double multiply_add(std::int64_t rounds) {
  float value[kChains] = {};
  for (std::int64_t i = 0; i < rounds; ++i)
    for (float& each : value) {
      each = each * 0.999F + 0.001F;
      asm volatile("" : "+m"(each));
    }
  return 2.0 * kChains * double(rounds);
}

struct Burst {
  double (*run)(std::int64_t rounds);  // returns the number of operations
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

constexpr std::size_t kStreamFloats = std::size_t{8} << 20;  // 32 MB per array and thread: larger than caches

#if defined(__x86_64__)
void store_past_caches(float* to, __m128 value) { _mm_stream_ps(to, value); }
#endif

void triad(float* a, const float* b, const float* c) {
#if defined(__x86_64__)
  const __m128 scale = _mm_set1_ps(3);
  for (std::size_t i = 0; i < kStreamFloats; i += 4)
    store_past_caches(a + i, _mm_add_ps(_mm_load_ps(b + i), _mm_mul_ps(scale, _mm_load_ps(c + i))));
#else
  for (std::size_t i = 0; i < kStreamFloats; ++i) a[i] = b[i] + 3 * c[i];
#endif
}

struct Stream {
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };
  static std::unique_ptr<float, Free> make() {
    std::unique_ptr<float, Free> memory(static_cast<float*>(std::aligned_alloc(64, kStreamFloats * sizeof(float))));
    if (!memory) throw std::bad_alloc();
    std::fill_n(memory.get(), kStreamFloats, 1.0F);
    return memory;
  }
  std::unique_ptr<float, Free> a = make(), b = make(), c = make();
};

// --- All threads at once ---------------------------------------------------------------------------------------------

// Runs `work(thread)` on every thread `bursts` times, starting each burst together; returns the shortest time in
// seconds.
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
          3.0 * double(kStreamFloats) * sizeof(float) * threads / memory / 1e9, burst.name};
}

}  // namespace weft::tools
