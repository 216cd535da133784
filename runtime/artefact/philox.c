/* Random numbers, bit for bit those of runtime/rng.h: Philox4x32-10 and the distributions made from its words. */
#include "runtime/artefact/model.h"

typedef struct {
  uint32_t word[4];
} weft_random_block;

/* The four words of one element: key = seed, counter = {element, stream, step}. */
static weft_random_block weft_philox(uint64_t seed, uint32_t stream, uint64_t step, uint32_t element) {
  uint32_t c0 = element, c1 = stream, c2 = (uint32_t)step, c3 = (uint32_t)(step >> 32);
  uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = UINT64_C(0xD2511F53) * c0, product1 = UINT64_C(0xCD9E8D57) * c2;
    c0 = (uint32_t)(product1 >> 32) ^ c1 ^ key0;
    c1 = (uint32_t)product1;
    c2 = (uint32_t)(product0 >> 32) ^ c3 ^ key1;
    c3 = (uint32_t)product0;
    key0 += UINT32_C(0x9E3779B9);
    key1 += UINT32_C(0xBB67AE85);
  }
  return (weft_random_block){{c0, c1, c2, c3}};
}

/* Uniform in [0, 1). */
static double weft_uniform(uint32_t word) { return (double)(word >> 8) * 0x1p-24; }

/* Normal: Box-Muller, cosine half only. */
static double weft_normal(uint32_t word0, uint32_t word1) {
  const double u1 = (double)((word0 >> 8) + 1) * 0x1p-24;
  return sqrt(-2.0 * log(u1)) * cos(6.283185307179586 * weft_uniform(word1));
}

/* The order of samples in an epoch: Fisher-Yates, as shuffled_indices of training/data/dataset.h. */
WEFT_API int WEFT_NAME(order)(uint64_t seed, uint64_t epoch, int64_t count, int32_t* indices) {
  enum { WEFT_SHUFFLE_STREAM = 0x73687566 };
  weft_clear(&weft_thread_error);
  if (count < 0 || count > INT32_MAX || (count > 0 && !indices))
    return weft_fail(&weft_thread_error, WEFT_BAD_ARGUMENT, "order: %s",
                     indices || count <= 0 ? "give a count of 0 to 2147483647" : "the indices are null");
  for (int64_t i = 0; i < count; ++i) indices[i] = (int32_t)i;
  for (uint64_t last = (uint64_t)count; last > 1; --last) {
    const uint64_t word = weft_philox(seed, WEFT_SHUFFLE_STREAM, epoch, (uint32_t)(last - 1)).word[0];
    const uint64_t other = word * last >> 32;
    const int32_t kept = indices[last - 1];
    indices[last - 1] = indices[other];
    indices[other] = kept;
  }
  return WEFT_OK;
}
