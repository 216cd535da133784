/* Reads images in MNIST's format: an unpacked IDX file of bytes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The bytes of all images, `pixels` bytes each; exits if the file holds no such images. */
static unsigned char* read_images(const char* path, size_t pixels, int64_t* count) {
  unsigned char head[16] = {0};
  FILE* file = fopen(path, "rb");
  if (file && fread(head, 1, sizeof head, file) == sizeof head && memcmp(head, "\0\0\10\3", 4) == 0) {
    const size_t rows = (size_t)(head[10] << 8 | head[11]), columns = (size_t)(head[14] << 8 | head[15]);
    *count = (int64_t)head[4] << 24 | head[5] << 16 | head[6] << 8 | head[7];
    unsigned char* images = rows * columns == pixels ? malloc((size_t)*count * pixels + 1) : NULL;
    if (images && fread(images, pixels, (size_t)*count, file) == (size_t)*count) {
      fclose(file);
      return images;
    }
  }
  fprintf(stderr, "%s: not an IDX file of images with %zu pixels, or truncated\n", path, pixels);
  exit(1);
}
