/* Convolutions by im2col (weft_im2col_step): copies the numbers under each window to a row of a matrix, so that a
 * generated matmul computes the convolution. Weft compiles this file too, so an artefact computes the same bits. */
#include <string.h>

#include "runtime/artefact/tables.h"

static int64_t weft_places(const weft_im2col_step* step) { return step->y[1] * step->y[2]; }
static int64_t weft_group_channels(const weft_im2col_step* step) { return step->x[0] / step->groups; }
static int64_t weft_group_outputs(const weft_im2col_step* step) { return step->y[0] / step->groups; }
static int64_t weft_taps(const weft_im2col_step* step) {
  return step->kernel[0] * step->kernel[1] * weft_group_channels(step);
}

/* The windows [begin, end) along an axis whose element under `tap` lies inside x; `at` is the position of that
 * element in window 0. */
typedef struct {
  int64_t begin, end, at;
} weft_inside;

static weft_inside weft_inside_of(const weft_im2col_step* step, int axis, int64_t tap) {
  const int64_t at = tap * step->dilation[axis] - step->padding[axis], stride = step->stride[axis];
  const int64_t size = step->x[1 + axis], windows = step->y[1 + axis];
  weft_inside inside = {0, 0, at};
  inside.begin = at < 0 ? (-at + stride - 1) / stride : 0;
  inside.end = at < size ? (size - at + stride - 1) / stride : 0;
  if (inside.end > windows) inside.end = windows;
  return inside;
}

/* Copies one tap of an image, all channels of a group at each position, from x to the columns (zeros outside x), or
 * adds columns back to x. `x` and `columns` begin at the tap's first channel. */
static void weft_move_tap(const weft_im2col_step* step, float* x, float* columns, int64_t a, int64_t b, int back) {
  const int64_t last = step->channels_last, height = step->y[1], width = step->y[2];
  const int64_t count = last ? weft_group_channels(step) : 1;
  const int64_t x_pixel = last ? step->x[0] : 1, place = last ? weft_taps(step) : 1;
  const weft_inside rows = weft_inside_of(step, 0, a), places = weft_inside_of(step, 1, b);
  for (int64_t i = 0; i < height; ++i) {
    const int is_row = rows.begin <= i && i < rows.end;
    float* in = x + (is_row ? (i * step->stride[0] + rows.at) * step->x[2] * x_pixel : 0);
    float* out = columns + i * width * place;
    if (back) {
      for (int64_t j = places.begin; is_row && j < places.end; ++j)
        for (int64_t c = 0; c < count; ++c) in[(j * step->stride[1] + places.at) * x_pixel + c] += out[j * place + c];
      continue;
    }
    for (int64_t j = 0; j < width; ++j) {
      const int is_inside = is_row && places.begin <= j && j < places.end;
      const float* pixel = in + (is_inside ? (j * step->stride[1] + places.at) * x_pixel : 0);
      if (count == 1) {
        out[j * place] = is_inside ? *pixel : 0.0f;
      } else if (is_inside) {
        memcpy(out + j * place, pixel, (size_t)count * sizeof(float));
      } else {
        memset(out + j * place, 0, (size_t)count * sizeof(float));
      }
    }
  }
}

/* The im2col matrix of one image and group. */
static void weft_move_columns(const weft_im2col_step* step, float* x, float* columns, int back) {
  const int64_t channels = weft_group_channels(step), x_channel = step->x[1] * step->x[2];
  const int64_t planes = step->channels_last ? 1 : channels;
  for (int64_t c = 0; c < planes; ++c)
    for (int64_t a = 0; a < step->kernel[0]; ++a)
      for (int64_t b = 0; b < step->kernel[1]; ++b) {
        const int64_t tap = (c * step->kernel[0] + a) * step->kernel[1] + b;
        weft_move_tap(step, x + c * x_channel, columns + tap * (step->channels_last ? channels : weft_places(step)), a,
                      b, back);
      }
}

/* Row-major weights to the order that the matmul takes, or back. */
static void weft_move_weights(const weft_im2col_step* step, float* weights, float* taken, int back) {
  const int64_t channels = weft_group_channels(step), outputs = weft_group_outputs(step), taps = weft_taps(step);
  const int64_t area = step->kernel[0] * step->kernel[1];
  const int64_t output_stride = step->direction == WEFT_FORWARD ? 1 : taps,
                tap_stride = step->direction == WEFT_FORWARD ? outputs : 1;
  for (int64_t output = 0; output < step->y[0]; ++output) {
    float* of_output = taken + output / outputs * outputs * taps + output % outputs * output_stride;
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t t = 0; t < area; ++t, ++weights) {
        float* one = of_output + (t * channels + c) * tap_stride;
        if (back) {
          *weights = *one;
        } else {
          *one = *weights;
        }
      }
  }
}

/* The weights among a step's buffers, and in the order that the matmul takes. */
static float* weft_weights_of(const weft_im2col_step* step, void* const* buffers) {
  return (float*)buffers[step->direction == WEFT_BACK_TO_W ? 2 : 1];
}
static float* weft_taken_weights(const weft_im2col_step* step, void* const* buffers, void* scratch) {
  return step->weights_bytes > 0 ? (float*)scratch : weft_weights_of(step, buffers);
}

/* Computes the matmul of a block: the step's kernel or, where Weft runs with oneDNN, a library. */
typedef struct {
  void (*run)(void* context, void* const* buffers, void* scratch);
  void* context;
} weft_product;

/* Runs before the blocks. */
static void weft_im2col_begin(const weft_im2col_step* step, void* const* buffers, void* scratch) {
  float* taken = weft_taken_weights(step, buffers, scratch);
  if (step->direction == WEFT_BACK_TO_W) {
    memset(taken, 0, (size_t)(step->y[0] * weft_taps(step)) * sizeof(float));
  } else if (step->weights_bytes > 0) {
    weft_move_weights(step, weft_weights_of(step, buffers), taken, 0);
  }
}

/* Runs a group of one block. `columns`: this thread's scratch, for the im2col matrix and the matmul. */
static void weft_im2col_group(const weft_im2col_step* step, weft_product product, void* const* buffers, float* taken,
                              char* columns, int64_t first_image, int64_t group) {
  const int64_t places = weft_places(step), taps = weft_taps(step), outputs = weft_group_outputs(step);
  const int64_t channel = group * weft_group_channels(step), output = group * outputs;
  const int64_t x_size = step->x[0] * step->x[1] * step->x[2];
  float* x = (float*)buffers[step->direction == WEFT_BACK_TO_X ? 2 : 0];
  float* y = (float*)buffers[step->direction == WEFT_FORWARD     ? 2 + step->bias
                             : step->direction == WEFT_BACK_TO_X ? 0
                                                                 : 1];
  float* weights = taken + output * taps;
  x += first_image * x_size + channel * (step->channels_last ? 1 : step->x[1] * step->x[2]);
  y += first_image * places * step->y[0] + output * (step->channels_last ? 1 : places);
  if (step->direction != WEFT_BACK_TO_X)
    for (int64_t image = 0; image < step->block; ++image)
      weft_move_columns(step, x + image * x_size, (float*)columns + image * places * taps, 0);

  void* forward[4] = {columns, weights, y, 0};
  void* data[3] = {y, weights, columns};
  void* of_weights[3] = {y, columns, weights};
  if (step->bias) {
    forward[2] = (float*)buffers[2] + output;
    forward[3] = y;
  }
  void* const* matmul_buffers = step->direction == WEFT_FORWARD     ? forward
                                : step->direction == WEFT_BACK_TO_X ? data
                                                                    : of_weights;
  product.run(product.context, matmul_buffers, columns + step->columns_bytes);

  if (step->direction == WEFT_BACK_TO_X)
    for (int64_t image = 0; image < step->block; ++image)
      weft_move_columns(step, x + image * x_size, (float*)columns + image * places * taps, 1);
}

/* Runs blocks [begin, end). Those of directions 0 and 1 may run on several threads, each with its own columns. */
static void weft_im2col_blocks(const weft_im2col_step* step, weft_product product, void* const* buffers, void* scratch,
                               char* columns, int64_t begin, int64_t end) {
  float* taken = weft_taken_weights(step, buffers, scratch);
  const size_t x_bytes = (size_t)(step->block * step->x[0] * step->x[1] * step->x[2]) * sizeof(float);
  for (int64_t block = begin; block < end; ++block) {
    if (step->direction == WEFT_BACK_TO_X) memset((char*)buffers[2] + (size_t)block * x_bytes, 0, x_bytes);
    for (int64_t group = 0; group < step->groups; ++group)
      weft_im2col_group(step, product, buffers, taken, columns, block * step->block, group);
  }
}

/* Runs blocks that no other worker has claimed. Which worker a thread is does not matter: one that begins after the
 * last block has been claimed has nothing to do. */
static void weft_im2col_work(const weft_im2col_step* step, weft_product product, void* const* buffers, void* scratch,
                             char* columns, int64_t* claimed) {
  for (int64_t block; (block = __atomic_fetch_add(claimed, 1, __ATOMIC_RELAXED)) < step->images / step->block;)
    weft_im2col_blocks(step, product, buffers, scratch, columns, block, block + 1);
}

/* Runs after the blocks. */
static void weft_im2col_end(const weft_im2col_step* step, void* const* buffers, void* scratch) {
  if (step->direction == WEFT_BACK_TO_W && step->weights_bytes > 0)
    weft_move_weights(step, weft_weights_of(step, buffers), (float*)scratch, 1);
}
