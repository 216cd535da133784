/* Runs programs whose matmuls and convolutions are generated kernels too, with libc only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/artefact/tables.h"

struct weft_executor {
  const weft_program* program;
  char* arena;
  int threads;
  char* columns;       /* for im2col steps, of each thread but the first, whose are in the arena */
  size_t column_bytes; /* of a thread */
  void** buffers;      /* of the current step */
};

static int weft_runs_standalone(const weft_step* step) {
  if (step->kind == WEFT_STEP_MATMUL) return ((const weft_matmul_step*)step->what)->kernel != NULL;
  return step->kind == WEFT_STEP_KERNEL || step->kind == WEFT_STEP_FILL || step->kind == WEFT_STEP_POOLING ||
         step->kind == WEFT_STEP_IM2COL || step->kind == WEFT_STEP_WINOGRAD;
}

/* Scratch of a thread begins on a cache line. */
static size_t weft_whole_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

/* Bytes of columns, and of the scratch of their matmul. */
static size_t weft_thread_columns(const weft_im2col_step* step) {
  return step->columns_bytes + weft_whole_lines(step->matmul->scratch_bytes);
}

static weft_executor* weft_executor_create(const weft_program* program, void* arena, int threads, char* error,
                                           size_t error_bytes) {
  int most = 1;
  size_t column_bytes = 0;
  for (int i = 0; i < program->step_count; ++i) {
    const weft_step* step = &program->steps[i];
    if (!weft_runs_standalone(step)) {
      snprintf(error, error_bytes, "a standalone artefact cannot run step %s", step->name);
      return NULL;
    }
    if (step->address_count > most) most = step->address_count;
    if (step->kind == WEFT_STEP_IM2COL) {
      const size_t bytes = weft_thread_columns((const weft_im2col_step*)step->what);
      if (bytes > column_bytes) column_bytes = bytes;
    }
  }
  weft_executor* executor = (weft_executor*)malloc(sizeof *executor + (size_t)most * sizeof(void*));
  if (!executor) {
    snprintf(error, error_bytes, "no memory for the steps of %s", program->entry);
    return NULL;
  }
  executor->columns = NULL;
  if (threads > 1 && column_bytes > 0) {
    executor->columns = (char*)aligned_alloc(64, (size_t)(threads - 1) * column_bytes);
    if (!executor->columns) {
      snprintf(error, error_bytes, "no memory for the threads of %s", program->entry);
      free(executor);
      return NULL;
    }
  }
  executor->program = program;
  executor->arena = (char*)arena;
  executor->threads = threads;
  executor->column_bytes = column_bytes;
  executor->buffers = (void**)(executor + 1);
  return executor;
}

/* A kernel with its operands, as the context of a parallel job. */
typedef struct {
  const weft_kernel* kernel;
  void* const* buffers;
  void* scratch;
} weft_kernel_call;

static void weft_run_kernel_chunks(void* context, int64_t begin, int64_t end) {
  const weft_kernel_call* call = (const weft_kernel_call*)context;
  call->kernel->run(call->buffers, call->scratch, begin, end);
}

static void weft_run_kernel(const weft_kernel* kernel, void* const* buffers, void* scratch, int threads) {
  weft_kernel_call call = {kernel, buffers, scratch};
  weft_parallel(kernel->chunks, weft_threads_of_work(kernel->work_ns, threads), weft_run_kernel_chunks, &call);
  if (kernel->finish) kernel->finish(buffers, scratch);
}

static void weft_run_fill(const weft_fill_step* fill, char* start) {
  for (int i = 0; i < fill->gap_count; ++i) memset(start + fill->gaps[i].offset, 0, fill->gaps[i].bytes);
}

static void weft_run_product(void* kernel, void* const* buffers, void* scratch) {
  const weft_kernel* matmul = (const weft_kernel*)kernel;
  matmul->run(buffers, scratch, 0, matmul->chunks);
}

typedef struct {
  const weft_matmul_step* step;
  void* const* operands;
  char* scratch;
} weft_matmul_call;

static void weft_run_matmul_parts(void* context, int64_t begin, int64_t end) {
  const weft_matmul_call* call = (const weft_matmul_call*)context;
  const weft_kernel* kernel = call->step->kernel;
  for (int64_t part = begin; part < end; ++part)
    weft_run_matmul_part(call->step, part, call->operands,
                         call->scratch + (size_t)part * weft_whole_lines(kernel->scratch_bytes), weft_run_product,
                         (void*)kernel);
}

static void weft_run_matmuls(const weft_executor* executor, const weft_matmul_step* step, char* scratch) {
  weft_matmul_call call = {step, executor->buffers, scratch};
  weft_parallel(weft_matmul_parts(step), executor->threads, weft_run_matmul_parts, &call);
}

/* The blocks of an im2col step, claimed by workers that each have columns of their own. */
typedef struct {
  const weft_executor* executor;
  const weft_im2col_step* step;
  void* const* buffers;
  char* scratch;
  int64_t claimed;
} weft_im2col_call;

static void weft_run_im2col_workers(void* context, int64_t begin, int64_t end) {
  weft_im2col_call* call = (weft_im2col_call*)context;
  const weft_im2col_step* step = call->step;
  const weft_product product = {weft_run_product, (void*)step->matmul};
  for (int64_t worker = begin; worker < end; ++worker) {
    char* columns = worker == 0 ? call->scratch + step->weights_bytes
                                : call->executor->columns + (size_t)(worker - 1) * call->executor->column_bytes;
    weft_im2col_work(step, product, call->buffers, call->scratch, columns, &call->claimed);
  }
}

/* The blocks of a weight gradient add to one sum, in order: they run on one thread. */
static void weft_run_im2col(const weft_executor* executor, const weft_im2col_step* step, void* const* buffers,
                            char* scratch) {
  weft_im2col_call call = {executor, step, buffers, scratch, 0};
  const int workers = step->direction == WEFT_BACK_TO_W ? 1 : executor->threads;
  weft_im2col_begin(step, buffers, scratch);
  weft_parallel(workers, workers, weft_run_im2col_workers, &call);
  weft_im2col_end(step, buffers, scratch);
}

static void weft_run_winograd(const weft_executor* executor, const weft_winograd_step* step, char* scratch) {
  void* const* buffers = executor->buffers;
  void* const transform[2] = {buffers[1], scratch};
  weft_run_kernel(step->transform, transform, NULL, executor->threads);
  void* result[4] = {buffers[0], scratch, buffers[2], NULL};
  if (step->bias) result[3] = buffers[3];
  weft_run_kernel(step->result, result, scratch + step->kernels_bytes, executor->threads);
}

typedef struct {
  const weft_pooling_step* step;
  void* const* buffers;
} weft_pooling_call;

static void weft_run_images(void* context, int64_t begin, int64_t end) {
  const weft_pooling_call* call = (const weft_pooling_call*)context;
  weft_pool_images(call->step, call->buffers, begin, end);
}

static void weft_run_step(const weft_executor* executor, const weft_step* step, char* scratch) {
  void* const* buffers = executor->buffers;
  switch ((int)step->kind) {
    case WEFT_STEP_KERNEL:
      weft_run_kernel(((const weft_kernel_step*)step->what)->kernel, buffers, scratch, executor->threads);
      break;
    case WEFT_STEP_MATMUL:
      weft_run_matmuls(executor, (const weft_matmul_step*)step->what, scratch);
      break;
    case WEFT_STEP_FILL:
      weft_run_fill((const weft_fill_step*)step->what, (char*)buffers[0]);
      break;
    case WEFT_STEP_POOLING: {
      const weft_pooling_step* pooling = (const weft_pooling_step*)step->what;
      weft_pooling_call call = {pooling, buffers};
      weft_parallel(pooling->images, executor->threads, weft_run_images, &call);
      break;
    }
    case WEFT_STEP_IM2COL:
      weft_run_im2col(executor, (const weft_im2col_step*)step->what, buffers, scratch);
      break;
    case WEFT_STEP_WINOGRAD:
      weft_run_winograd(executor, (const weft_winograd_step*)step->what, scratch);
      break;
    default: /* weft_executor_create refuses it */
      break;
  }
}

static int weft_executor_run(weft_executor* executor, const weft_parallel_for* own, void* const* inputs,
                             void* const* outputs, char* error, size_t error_bytes) {
  (void)error, (void)error_bytes; /* no step can fail */
  const weft_parallel_for* before = weft_of_caller;
  weft_of_caller = own;
  for (int i = 0; i < executor->program->step_count; ++i) {
    const weft_step* step = &executor->program->steps[i];
    for (int j = 0; j < step->address_count; ++j) {
      const weft_address* address = &step->addresses[j];
      char* start = address->base == WEFT_INPUT    ? (char*)inputs[address->index]
                    : address->base == WEFT_OUTPUT ? (char*)outputs[address->index]
                                                   : executor->arena;
      executor->buffers[j] = start + address->offset;
    }
    weft_run_step(executor, step, executor->arena + step->scratch_offset);
  }
  weft_of_caller = before;
  return 1;
}

static void weft_executor_destroy(weft_executor* executor) {
  free(executor->columns);
  free(executor);
}
