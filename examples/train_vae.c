/* Trains a VAE on raw bytes, without linking Weft: ./train_vae IMAGES EPOCHS SEED CHECKPOINT
 *
 *   weft compile vae --entry train_step --batch 128,96 -o vae
 *   cc -O2 train_vae.c vae.a -ldnnl -lstdc++ -lm -fopenmp -o train_vae
 *
 * IMAGES is MNIST's train-images-idx3-ubyte: an epoch of 60,000 has 468 batches of 128 and one of 96. The losses equal
 * those of `weft train vae --data DIR --validation 0 --epochs EPOCHS --seed SEED`, bit for bit. */
#include "idx.h"
#include "vae.h"

#ifndef BATCH
#define BATCH 128
#endif
enum { PIXELS = VAE_TRAIN_STEP_IMAGES };

static void need(int code, const vae* model) {
  if (code == WEFT_OK) return;
  fprintf(stderr, "train_vae: error %d: %s\n", code, vae_error(model));
  exit(1);
}

/* One pass over the images in a new order; returns the mean loss per image. */
static double train_epoch(vae* model, const unsigned char* images, int64_t count, const int32_t* order) {
  static unsigned char batch[BATCH * PIXELS];
  double sum = 0;
  for (int64_t begin = 0, rows; begin < count; begin += rows) {
    float loss, recon, kl;
    rows = count - begin < BATCH ? count - begin : BATCH;
    for (int64_t i = 0; i < rows; ++i) memcpy(batch + i * PIXELS, images + (int64_t)order[begin + i] * PIXELS, PIXELS);
    need(vae_train_step(model, rows, batch, &loss, &recon, &kl), model);
    sum += (double)rows * loss;
  }
  return sum / (double)count;
}

int main(int argc, char** argv) {
  if (argc != 5) return fprintf(stderr, "usage: train_vae IMAGES EPOCHS SEED CHECKPOINT\n"), 2;
  const uint64_t epochs = strtoull(argv[2], NULL, 10), seed = strtoull(argv[3], NULL, 10);
  int64_t count = 0;
  unsigned char* images = read_images(argv[1], PIXELS, &count);
  int32_t* order = malloc(((size_t)count + 1) * sizeof *order);
  vae* model = NULL;
  need(vae_create(&model, NULL), NULL);
  need(vae_init(model, seed), model);
  for (uint64_t epoch = 1; epoch <= epochs; ++epoch) {
    need(vae_order(seed, epoch, count, order), NULL);
    printf("epoch %llu loss %.17g\n", (unsigned long long)epoch, train_epoch(model, images, count, order));
  }
  need(vae_save(model, argv[4]), model);
  vae_destroy(model);
  free(order);
  free(images);
  return 0;
}
