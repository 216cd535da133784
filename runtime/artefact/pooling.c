/* Pooling (weft_pooling_step) of whole images, channels last: per window and pixel, over all channels. Weft compiles
 * this file too, so an artefact computes the same bits. */
#include <math.h>

#include "runtime/artefact/tables.h"

/* The part of a window inside the pooled image. */
typedef struct {
  int64_t begin[2], end[2];
} weft_window;

static weft_window weft_window_at(const weft_pooling_step* step, int64_t y, int64_t x) {
  const int64_t at[2] = {y, x};
  weft_window window;
  for (int axis = 0; axis < 2; ++axis) {
    const int64_t first = at[axis] * step->stride[axis] - step->padding[axis], last = first + step->kernel[axis];
    window.begin[axis] = first < 0 ? 0 : first;
    window.end[axis] = last < step->in[axis] ? last : step->in[axis];
  }
  return window;
}

/* Whether `each` replaces `best`: the first NaN stays. */
static int weft_is_better(float each, float best) { return each > best || (each != each && best == best); }

/* `in` and `in_gradient` are the input image; `out` and `out_gradient` are the output pixel of the window. */
static void weft_pool_max(const weft_pooling_step* step, weft_window window, const float* in, float* out) {
  const int64_t channels = step->channels;
  for (int64_t c = 0; c < channels; ++c) out[c] = -INFINITY;
  for (int64_t row = window.begin[0]; row < window.end[0]; ++row)
    for (int64_t column = window.begin[1]; column < window.end[1]; ++column) {
      const float* pixel = in + (row * step->in[1] + column) * channels;
      for (int64_t c = 0; c < channels; ++c) out[c] = weft_is_better(pixel[c], out[c]) ? pixel[c] : out[c];
    }
}

static void weft_pool_average(const weft_pooling_step* step, weft_window window, const float* in, float* out) {
  const int64_t channels = step->channels;
  const float share = 1.0f / (float)(step->kernel[0] * step->kernel[1]);
  for (int64_t c = 0; c < channels; ++c) out[c] = 0.0f;
  for (int64_t row = window.begin[0]; row < window.end[0]; ++row)
    for (int64_t column = window.begin[1]; column < window.end[1]; ++column) {
      const float* pixel = in + (row * step->in[1] + column) * channels;
      for (int64_t c = 0; c < channels; ++c) out[c] += pixel[c];
    }
  for (int64_t c = 0; c < channels; ++c) out[c] *= share;
}

/* Passes the gradient to the first of the largest numbers. */
static void weft_pool_max_gradient(const weft_pooling_step* step, weft_window window, const float* in,
                                   const float* out_gradient, float* in_gradient) {
  const int64_t channels = step->channels;
  if (window.begin[0] >= window.end[0] || window.begin[1] >= window.end[1]) return;
  for (int64_t c = 0; c < channels; ++c) {
    int64_t best = (window.begin[0] * step->in[1] + window.begin[1]) * channels + c;
    for (int64_t row = window.begin[0]; row < window.end[0]; ++row)
      for (int64_t column = window.begin[1]; column < window.end[1]; ++column) {
        const int64_t pixel = (row * step->in[1] + column) * channels + c;
        if (weft_is_better(in[pixel], in[best])) best = pixel;
      }
    in_gradient[best] += out_gradient[c];
  }
}

static void weft_pool_average_gradient(const weft_pooling_step* step, weft_window window, const float* out_gradient,
                                       float* in_gradient) {
  const int64_t channels = step->channels;
  const float share = 1.0f / (float)(step->kernel[0] * step->kernel[1]);
  for (int64_t row = window.begin[0]; row < window.end[0]; ++row)
    for (int64_t column = window.begin[1]; column < window.end[1]; ++column) {
      float* pixel = in_gradient + (row * step->in[1] + column) * channels;
      for (int64_t c = 0; c < channels; ++c) pixel[c] += out_gradient[c] * share;
    }
}

/* Pools images [begin, end). Buffers: max, average: in, out; max gradient: in, out_gradient, in_gradient; average
 * gradient: out_gradient, in_gradient. */
static void weft_pool_images(const weft_pooling_step* step, void* const* buffers, int64_t begin, int64_t end) {
  const int64_t in_size = step->in[0] * step->in[1] * step->channels, row_size = step->out[1] * step->channels;
  const int is_gradient = step->code >= WEFT_POOL_MAX_GRADIENT;
  for (int64_t image = begin; image < end; ++image) {
    const float* in = (const float*)buffers[0] + (step->code == WEFT_POOL_AVERAGE_GRADIENT ? 0 : image * in_size);
    float* in_gradient =
        (float*)buffers[step->code == WEFT_POOL_MAX_GRADIENT ? 2 : 1] + (is_gradient ? image * in_size : 0);
    for (int64_t i = 0; is_gradient && i < in_size; ++i) in_gradient[i] = 0.0f;
    for (int64_t y = 0; y < step->out[0]; ++y)
      for (int64_t x = 0; x < step->out[1]; ++x) {
        const weft_window window = weft_window_at(step, y, x);
        const int64_t out = (image * step->out[0] + y) * row_size + x * step->channels;
        if (step->code == WEFT_POOL_MAX) weft_pool_max(step, window, in, (float*)buffers[1] + out);
        if (step->code == WEFT_POOL_AVERAGE) weft_pool_average(step, window, in, (float*)buffers[1] + out);
        if (step->code == WEFT_POOL_MAX_GRADIENT)
          weft_pool_max_gradient(step, window, in, (const float*)buffers[1] + out, in_gradient);
        if (step->code == WEFT_POOL_AVERAGE_GRADIENT)
          weft_pool_average_gradient(step, window, (const float*)buffers[0] + out, in_gradient);
      }
  }
}
