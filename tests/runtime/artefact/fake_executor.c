/* Runs the kernels of fixture.c, one chunk at a time. Refuses an arena that is not as tables.h promises, and more than
 * 8 threads; of 7 each run fails. Calls fake_executor_inside, where it is set, in each run. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/artefact/tables.h"

struct weft_executor {
  const weft_program* program;
  char* arena;
  int threads;
};

static _Atomic int alive;
int fake_executors_alive(void) { return alive; }
void (*fake_executor_inside)(void);

weft_executor* weft_executor_create(const weft_program* program, void* arena, int threads, char* error,
                                    size_t error_bytes) {
  weft_executor* executor = malloc(sizeof *executor);
  if (!executor) {
    snprintf(error, error_bytes, "no memory");
    return NULL;
  }
  if (threads > 8 || (uintptr_t)arena % 64 != 0) {
    snprintf(error, error_bytes, "%d threads, arena at %p", threads, arena);
    free(executor);
    return NULL;
  }
  *executor = (weft_executor){program, arena, threads};
  ++alive;
  return executor;
}

int weft_executor_run(weft_executor* executor, const weft_parallel_for* own, void* const* inputs, void* const* outputs,
                      char* error, size_t error_bytes) {
  (void)own;
  if (executor->threads == 7) {
    snprintf(error, error_bytes, "a thread is lost");
    return 0;
  }
  if (fake_executor_inside) fake_executor_inside();
  for (int i = 0; i < executor->program->step_count; ++i) {
    const weft_step* step = &executor->program->steps[i];
    const weft_kernel* kernel = ((const weft_kernel_step*)step->what)->kernel;
    void* buffers[8];
    for (int j = 0; j < step->address_count; ++j) {
      const weft_address* address = &step->addresses[j];
      char* const base = address->base == WEFT_ARENA   ? executor->arena
                         : address->base == WEFT_INPUT ? inputs[address->index]
                                                       : outputs[address->index];
      buffers[j] = base + address->offset;
    }
    for (int64_t chunk = 0; chunk < kernel->chunks; ++chunk) kernel->run(buffers, NULL, chunk, chunk + 1);
  }
  return 1;
}

void weft_executor_destroy(weft_executor* executor) {
  --alive;
  free(executor);
}
