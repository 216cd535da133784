/* Work that threads share: chunks that may run on any thread, in any order, at the same time. */
#ifndef WEFT_POOL_PARALLEL_H
#define WEFT_POOL_PARALLEL_H

#include <stdint.h>

/* Runs chunks [begin, end). */
typedef void (*weft_chunk_run)(void* context, int64_t begin, int64_t end);

/* A program's own threads in place of the pool: calls run(context, chunk) once for each chunk below `chunks`, and
 * returns when all have returned. */
typedef struct {
  void (*parallel_for)(void* caller, int64_t chunks, void (*run)(void* context, int64_t chunk), void* context);
  void* caller;
} weft_parallel_for;

#endif
