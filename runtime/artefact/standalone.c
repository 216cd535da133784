/* Runs programs whose matmuls and convolutions are generated kernels too: one thread, libc only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/artefact/tables.h"

struct weft_executor {
  const weft_program* program;
  char* arena;
  void** buffers; /* of the current step */
};

static int weft_runs_standalone(weft_step_kind kind) {
  return kind == WEFT_STEP_KERNEL || kind == WEFT_STEP_FILL || kind == WEFT_STEP_POOLING ||
         kind == WEFT_STEP_IM2COL || kind == WEFT_STEP_WINOGRAD;
}

static weft_executor* weft_executor_create(const weft_program* program, void* arena, int threads, char* error,
                                           size_t error_bytes) {
  int most = 1;
  (void)threads;
  for (int i = 0; i < program->step_count; ++i) {
    const weft_step* step = &program->steps[i];
    if (!weft_runs_standalone(step->kind)) {
      snprintf(error, error_bytes, "a standalone artefact cannot run step %s", step->name);
      return NULL;
    }
    if (step->address_count > most) most = step->address_count;
  }
  weft_executor* executor = (weft_executor*)malloc(sizeof *executor + (size_t)most * sizeof(void*));
  if (!executor) {
    snprintf(error, error_bytes, "no memory for the steps of %s", program->entry);
    return NULL;
  }
  executor->program = program;
  executor->arena = (char*)arena;
  executor->buffers = (void**)(executor + 1);
  return executor;
}

static void weft_run_kernel(const weft_kernel* kernel, void* const* buffers, void* scratch) {
  kernel->run(buffers, scratch, 0, kernel->chunks);
  if (kernel->finish) kernel->finish(buffers, scratch);
}

static void weft_run_fill(const weft_fill_step* fill, char* start) {
  for (int i = 0; i < fill->gap_count; ++i) memset(start + fill->gaps[i].offset, 0, fill->gaps[i].bytes);
}

static void weft_run_product(void* kernel, void* const* buffers, void* scratch) {
  const weft_kernel* matmul = (const weft_kernel*)kernel;
  matmul->run(buffers, scratch, 0, matmul->chunks);
}

static void weft_run_im2col(const weft_im2col_step* columns, void* const* buffers, char* scratch) {
  weft_im2col_begin(columns, buffers, scratch);
  const weft_product product = {weft_run_product, (void*)columns->matmul};
  weft_im2col_blocks(columns, product, buffers, scratch, scratch + columns->weights_bytes, 0,
                     columns->images / columns->block);
  weft_im2col_end(columns, buffers, scratch);
}

static void weft_run_winograd(const weft_winograd_step* winograd, void* const* buffers, char* scratch) {
  void* const transform[2] = {buffers[1], scratch};
  weft_run_kernel(winograd->transform, transform, NULL);
  void* result[4] = {buffers[0], scratch, buffers[2], NULL};
  if (winograd->bias) result[3] = buffers[3];
  weft_run_kernel(winograd->result, result, scratch + winograd->kernels_bytes);
}

static void weft_run_step(const weft_step* step, void* const* buffers, char* scratch) {
  switch ((int)step->kind) {
    case WEFT_STEP_KERNEL:
      weft_run_kernel(((const weft_kernel_step*)step->what)->kernel, buffers, scratch);
      break;
    case WEFT_STEP_FILL:
      weft_run_fill((const weft_fill_step*)step->what, (char*)buffers[0]);
      break;
    case WEFT_STEP_POOLING: {
      const weft_pooling_step* pooling = (const weft_pooling_step*)step->what;
      weft_pool_images(pooling, buffers, 0, pooling->images);
      break;
    }
    case WEFT_STEP_IM2COL:
      weft_run_im2col((const weft_im2col_step*)step->what, buffers, scratch);
      break;
    case WEFT_STEP_WINOGRAD:
      weft_run_winograd((const weft_winograd_step*)step->what, buffers, scratch);
      break;
    default: /* weft_executor_create refuses it */
      break;
  }
}

static int weft_executor_run(weft_executor* executor, void* const* inputs, void* const* outputs, char* error,
                             size_t error_bytes) {
  (void)error, (void)error_bytes; /* no step can fail */
  for (int i = 0; i < executor->program->step_count; ++i) {
    const weft_step* step = &executor->program->steps[i];
    for (int j = 0; j < step->address_count; ++j) {
      const weft_address* address = &step->addresses[j];
      char* start = address->base == WEFT_INPUT    ? (char*)inputs[address->index]
                    : address->base == WEFT_OUTPUT ? (char*)outputs[address->index]
                                                   : executor->arena;
      executor->buffers[j] = start + address->offset;
    }
    weft_run_step(step, executor->buffers, executor->arena + step->scratch_offset);
  }
  return 1;
}

static void weft_executor_destroy(weft_executor* executor) { free(executor); }
