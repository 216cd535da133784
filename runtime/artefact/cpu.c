/* Checks that this machine has what the code of an artefact uses. */
#include <stddef.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

/* Where cpuid reports a feature: leaf, subleaf, register (0 eax to 3 edx), bit; and which registers the operating
 * system must save for it, as bits of xcr0. */
typedef struct {
  const char* name; /* LLVM's name */
  unsigned leaf, subleaf, reg, bit, saved;
} weft_feature;

enum { WEFT_AVX = 0x06, WEFT_AVX512 = 0xe6, WEFT_APX = 0x80000 };

static const weft_feature weft_features[] = {
    {"sse3", 1, 0, 2, 0, 0},
    {"ssse3", 1, 0, 2, 9, 0},
    {"fma", 1, 0, 2, 12, WEFT_AVX},
    {"sse4.1", 1, 0, 2, 19, 0},
    {"sse4.2", 1, 0, 2, 20, 0},
    {"movbe", 1, 0, 2, 22, 0},
    {"popcnt", 1, 0, 2, 23, 0},
    {"avx", 1, 0, 2, 28, WEFT_AVX},
    {"f16c", 1, 0, 2, 29, WEFT_AVX},
    {"bmi", 7, 0, 1, 3, 0},
    {"avx2", 7, 0, 1, 5, WEFT_AVX},
    {"bmi2", 7, 0, 1, 8, 0},
    {"avx512f", 7, 0, 1, 16, WEFT_AVX512},
    {"avx512dq", 7, 0, 1, 17, WEFT_AVX512},
    {"avx512ifma", 7, 0, 1, 21, WEFT_AVX512},
    {"avx512cd", 7, 0, 1, 28, WEFT_AVX512},
    {"avx512bw", 7, 0, 1, 30, WEFT_AVX512},
    {"avx512vl", 7, 0, 1, 31, WEFT_AVX512},
    {"avx512vbmi", 7, 0, 2, 1, WEFT_AVX512},
    {"avx512vbmi2", 7, 0, 2, 6, WEFT_AVX512},
    {"gfni", 7, 0, 2, 8, 0},
    {"avx512vnni", 7, 0, 2, 11, WEFT_AVX512},
    {"avx512bitalg", 7, 0, 2, 12, WEFT_AVX512},
    {"avx512vpopcntdq", 7, 0, 2, 14, WEFT_AVX512},
    {"avx512fp16", 7, 0, 3, 23, WEFT_AVX512},
    {"avxvnni", 7, 1, 0, 4, WEFT_AVX},
    {"avx512bf16", 7, 1, 0, 5, WEFT_AVX512},
    {"avxifma", 7, 1, 0, 23, WEFT_AVX},
    {"egpr", 7, 1, 3, 21, WEFT_APX},
    {"push2pop2", 7, 1, 3, 21, WEFT_APX},
    {"ppx", 7, 1, 3, 21, WEFT_APX},
    {"ndd", 7, 1, 3, 21, WEFT_APX},
    {"ccmp", 7, 1, 3, 21, WEFT_APX},
    {"lzcnt", 0x80000001, 0, 2, 5, 0},
    {"xop", 0x80000001, 0, 2, 11, WEFT_AVX},
    {"fma4", 0x80000001, 0, 2, 16, WEFT_AVX},
    {"tbm", 0x80000001, 0, 2, 21, 0},
};

static unsigned weft_saved_registers(void) {
  unsigned registers[4], low, high;
  if (!__get_cpuid(1, &registers[0], &registers[1], &registers[2], &registers[3])) return 0;
  if (!(registers[2] & (1u << 27))) return 0; /* osxsave: xgetbv is available */
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  (void)high;
  return low;
}

static const weft_feature* weft_find_feature(const char* name) {
  for (size_t i = 0; i < sizeof weft_features / sizeof *weft_features; ++i)
    if (strcmp(weft_features[i].name, name) == 0) return &weft_features[i];
  return NULL;
}

static int weft_has_feature(const weft_feature* feature, unsigned saved) {
  unsigned registers[4] = {0, 0, 0, 0};
  if (!__get_cpuid_count(feature->leaf, feature->subleaf, &registers[0], &registers[1], &registers[2], &registers[3]))
    return 0;
  return (registers[feature->reg] >> feature->bit & 1) && (saved & feature->saved) == feature->saved;
}

/* The first of the features (LLVM's names, null at the end) that this machine lacks or this file does not know; null
 * if it has them all. */
static const char* weft_missing_feature(const char* const* features) {
  const unsigned saved = weft_saved_registers();
  for (; *features; ++features) {
    const weft_feature* feature = weft_find_feature(*features);
    if (!feature || !weft_has_feature(feature, saved)) return *features;
  }
  return NULL;
}
#else
/* Code for other architectures uses only features that every such machine has. */
static const char* weft_missing_feature(const char* const* features) {
  (void)features;
  return NULL;
}
#endif
