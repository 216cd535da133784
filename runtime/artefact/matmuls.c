/* The products of a matmul with leading dims (weft_matmul_step), in parts that threads share. Weft compiles this file
 * too, so that an artefact cuts them alike. */
#include "runtime/artefact/tables.h"

/* Enough for threads to even out, few enough for the scratch of each. The number of products alone decides. */
enum { WEFT_MOST_MATMUL_PARTS = 16 };

static int64_t weft_matmul_parts(const weft_matmul_step* step) {
  return step->count < WEFT_MOST_MATMUL_PARTS ? step->count : (int64_t)WEFT_MOST_MATMUL_PARTS;
}

/* Calls product(context, {a, b, result}, scratch) for each product of a part, in order. */
static void weft_run_matmul_part(const weft_matmul_step* step, int64_t part, void* const* operands, void* scratch,
                                 void (*product)(void* context, void* const* buffers, void* scratch), void* context) {
  const int64_t parts = weft_matmul_parts(step), end = step->count * (part + 1) / parts;
  for (int64_t i = step->count * part / parts; i < end; ++i) {
    void* buffers[3];
    for (int side = 0; side < 3; ++side) buffers[side] = (float*)operands[side] + i * step->strides[side];
    product(context, buffers, scratch);
  }
}
