// Vectors of the target's width by clang's extensions, and the FMA peak that they reach on one thread.
#pragma once

#include "../thread_time.h"

namespace {

using weft::bench::least_seconds;

#ifdef __AVX512F__
constexpr int kWidth = 16;
#else
constexpr int kWidth = 8;
#endif
using Vector = float __attribute__((vector_size(kWidth * sizeof(float))));

double peak() {
  return 2.0 * kWidth * 12 * 20000 / 1e9 / least_seconds(.05, [] {
           Vector sums[12] = {};
           const Vector scale = Vector{} + .999f, step = Vector{} + .001f;
           for (int i = 0; i < 20000; ++i)
#pragma clang loop unroll(full)
             for (Vector& sum : sums) {
               sum = __builtin_elementwise_fma(sum, scale, step);
               asm volatile("" : "+v"(sum));
             }
         });
}

Vector load(const float* from) {
  Vector value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}
void store(float* to, Vector value) { __builtin_memcpy(to, &value, sizeof value); }

}  // namespace
