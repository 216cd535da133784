/* Runs a model on threads of the program's own, here OpenMP's: ./own_threads [THREADS]
 *
 *   weft compile vae --entry encode --batch 64 -o vae
 *   cc -O2 -fopenmp own_threads.c vae.a -ldnnl -lstdc++ -lm -o own_threads
 *
 * Encodes a batch on one thread, on the library's threads and on OpenMP's, and prints whether all codes have the same
 * bits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vae.h"

#ifndef BATCH
#define BATCH 64
#endif

typedef struct {
  int threads;
  long long chunks; /* so far */
} workers;

static void parallel_for(void* caller, int64_t chunks, void (*run)(void* context, int64_t chunk), void* context) {
  workers* mine = (workers*)caller;
  mine->chunks += chunks;
#pragma omp parallel for schedule(dynamic, 1) num_threads(mine->threads)
  for (int64_t i = 0; i < chunks; ++i) run(context, i);
}

static float x[BATCH * VAE_ENCODE_X];
static float alone[BATCH * VAE_ENCODE_LATENT], latent[BATCH * VAE_ENCODE_LATENT], logvar[BATCH * VAE_ENCODE_LATENT];

int main(int argc, char** argv) {
  workers mine = {argc > 1 ? atoi(argv[1]) : 2, 0};
  vae* model = NULL;
  if (vae_create(&model, NULL) != WEFT_OK) return fprintf(stderr, "own_threads: %s\n", vae_error(NULL)), 1;
  for (int i = 0; i < BATCH * VAE_ENCODE_X; ++i) x[i] = (float)(i % 17) / 17;
  int code = vae_encode(model, BATCH, x, alone, logvar);
  if (code == WEFT_OK) code = vae_threads(model, mine.threads);
  if (code == WEFT_OK) code = vae_encode(model, BATCH, x, latent, logvar);
  int same = memcmp(alone, latent, sizeof alone) == 0;
  if (code == WEFT_OK) code = vae_parallel(model, parallel_for, &mine);
  if (code == WEFT_OK) code = vae_encode(model, BATCH, x, latent, logvar);
  same &= memcmp(alone, latent, sizeof alone) == 0;
  if (code != WEFT_OK) return fprintf(stderr, "own_threads: %s\n", vae_error(model)), 1;
  printf("%lld chunks on %d threads: %s codes\n", mine.chunks, mine.threads, same ? "the same" : "other");
  vae_destroy(model);
  return same ? 0 : 1;
}
