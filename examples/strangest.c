/* Scores images by how anomalous they are to a trained model: ./strangest MANIFEST IMAGES THRESHOLD
 *
 *   weft compile RUN --entry score --batch 1,64 -o vae
 *   cc -O2 strangest.c vae.a -ldnnl -lstdc++ -lm -fopenmp -o strangest
 *
 * MANIFEST is vae.json, beside the weights vae.safetensors. Prints the index and the score of each image above
 * THRESHOLD, and their number. */
#include "idx.h"
#include "vae.h"

#ifndef BATCH
#define BATCH 64
#endif
enum { PIXELS = VAE_SCORE_X };

int main(int argc, char** argv) {
  static float x[BATCH * PIXELS], score[BATCH];
  if (argc != 4) return fprintf(stderr, "usage: strangest MANIFEST IMAGES THRESHOLD\n"), 2;
  const double threshold = strtod(argv[3], NULL);
  vae* model = NULL;
  if (vae_create_from_manifest(&model, argv[1]) != WEFT_OK)
    return fprintf(stderr, "strangest: %s\n", vae_error(NULL)), 1;
  int64_t count = 0, above = 0;
  unsigned char* images = read_images(argv[2], PIXELS, &count);
  for (int64_t begin = 0, rows; begin < count; begin += rows) {
    rows = count - begin < BATCH ? 1 : BATCH;
    for (int64_t i = 0; i < rows * PIXELS; ++i) x[i] = (float)images[begin * PIXELS + i] * (float)(1.0 / 255);
    if (vae_score(model, rows, x, score) != WEFT_OK) return fprintf(stderr, "strangest: %s\n", vae_error(model)), 1;
    for (int64_t i = 0; i < rows; ++i)
      if (score[i] > threshold) printf("%lld %.9g\n", (long long)(begin + i), score[i]), ++above;
  }
  printf("%lld of %lld above %g\n", (long long)above, (long long)count, threshold);
  vae_destroy(model);
  free(images);
  return 0;
}
