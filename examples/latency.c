/* Measures latency as seen by a caller: ./latency [WEIGHTS]
 *
 *   weft compile vae --entry encode --batch 1 -o vae
 *   cc -O2 latency.c vae.a -ldnnl -lstdc++ -lm -fopenmp -o latency
 *
 * Prints the median and the best time in microseconds to create a model, for its first call, and for one call of encode
 * at batch 1. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "vae.h"

enum { MODELS = 21, CALLS = 2001 };

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec * 1e-3;
}

static int ascending(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return x < y ? -1 : x > y;
}

static void tell(const char* what, double* times, size_t count) {
  qsort(times, count, sizeof *times, ascending);
  printf("%s: median %.1f us, best %.1f us\n", what, times[count / 2], times[0]);
}

int main(int argc, char** argv) {
  static float x[VAE_ENCODE_X], latent[VAE_ENCODE_LATENT], logvar[VAE_ENCODE_LATENT];
  static double create[MODELS], first[MODELS], call[CALLS];
  for (int i = 0; i < VAE_ENCODE_X; ++i) x[i] = (float)(i % 7) / 7;
  for (int i = 0; i < MODELS; ++i) {
    vae* model = NULL;
    double begin = now();
    if (vae_create(&model, argc > 1 ? argv[1] : NULL) != WEFT_OK)
      return fprintf(stderr, "latency: %s\n", vae_error(NULL)), 1;
    create[i] = now() - begin;
    begin = now();
    if (vae_encode(model, 1, x, latent, logvar) != WEFT_OK)
      return fprintf(stderr, "latency: %s\n", vae_error(model)), 1;
    first[i] = now() - begin;
    for (int j = 0; i == MODELS - 1 && j < CALLS; ++j) {
      begin = now();
      vae_encode(model, 1, x, latent, logvar);
      call[j] = now() - begin;
    }
    vae_destroy(model);
  }
  tell("create", create, MODELS);
  tell("first call", first, MODELS);
  tell("encode at batch 1", call, CALLS);
  return 0;
}
