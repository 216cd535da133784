/* Prints the codes of images, one line each: ./encode WEIGHTS IMAGES
 *
 *   weft compile vae --entry encode --batch 1,64 -o vae
 *   cc -O2 encode.c vae.a -ldnnl -lstdc++ -lm -fopenmp -o encode
 *
 * Encodes batches of 64, and the remainder one by one. WEIGHTS is a checkpoint of weft train or train_vae, or any
 * safetensors file with the same tensors. */
#include "idx.h"
#include "vae.h"

#ifndef BATCH
#define BATCH 64
#endif
enum { PIXELS = VAE_ENCODE_X, CODE = VAE_ENCODE_LATENT };

int main(int argc, char** argv) {
  static float x[BATCH * PIXELS], latent[BATCH * CODE], logvar[BATCH * CODE];
  if (argc != 3) return fprintf(stderr, "usage: encode WEIGHTS IMAGES\n"), 2;
  vae* model = NULL;
  if (vae_create(&model, argv[1]) != WEFT_OK) return fprintf(stderr, "encode: %s\n", vae_error(NULL)), 1;
  int64_t count = 0;
  unsigned char* images = read_images(argv[2], PIXELS, &count);
  for (int64_t begin = 0, rows; begin < count; begin += rows) {
    rows = count - begin < BATCH ? 1 : BATCH;
    for (int64_t i = 0; i < rows * PIXELS; ++i) x[i] = (float)images[begin * PIXELS + i] * (float)(1.0 / 255);
    if (vae_encode(model, rows, x, latent, logvar) != WEFT_OK)
      return fprintf(stderr, "encode: %s\n", vae_error(model)), 1;
    for (int64_t i = 0; i < rows * CODE; ++i) printf("%.9g%c", latent[i], i % CODE == CODE - 1 ? '\n' : ' ');
  }
  vae_destroy(model);
  free(images);
  return 0;
}
