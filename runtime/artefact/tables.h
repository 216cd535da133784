/* A compiled model as constant tables (C11): `weft compile` writes them into one C file NAME.c, followed by the
 * functions of runtime/artefact; the kernels they point to are an object file from LLVM. Loading parses nothing.
 *
 * A model keeps its tensors in two regions: `params` (weights) and `state` (running statistics and optimizer
 * tensors). A program is one entry at one batch: a flat list of steps over its inputs, its outputs and one arena. */
#ifndef WEFT_ARTEFACT_TABLES_H
#define WEFT_ARTEFACT_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/pool/parallel.h"

enum { WEFT_TABLES_VERSION = 2, WEFT_MAX_RANK = 8 };

typedef enum { WEFT_F32, WEFT_BF16, WEFT_F16, WEFT_I32, WEFT_U8, WEFT_BOOL } weft_dtype;

typedef enum {
  WEFT_DATA,  /* an input or output in the caller's memory */
  WEFT_PARAM, /* in the region `params` */
  WEFT_STATE, /* in the region `state` */
  WEFT_RNG,   /* i32[4]: seed low, seed high, step low, step high */
  WEFT_HYPER  /* one number, set by name */
} weft_role;

/* Where a step finds an operand. */
typedef enum { WEFT_INPUT, WEFT_OUTPUT, WEFT_ARENA } weft_base;

/* Of a convolution: y from x, w, [bias]; x from y, w; w from x, y. */
typedef enum { WEFT_FORWARD, WEFT_BACK_TO_X, WEFT_BACK_TO_W } weft_direction;

typedef enum { WEFT_POOL_MAX, WEFT_POOL_AVERAGE, WEFT_POOL_MAX_GRADIENT, WEFT_POOL_AVERAGE_GRADIENT } weft_pooling;

/* similarity_lse, its gradient, the tiles that both may read. */
typedef enum { WEFT_SIMILARITY_LSE, WEFT_SIMILARITY_GRADIENT, WEFT_SIMILARITY_TILES } weft_similarity;

/* How a tensor is initialised (ir::Init). */
typedef enum { WEFT_INIT_NONE, WEFT_INIT_CONSTANT, WEFT_INIT_UNIFORM, WEFT_INIT_NORMAL } weft_init_kind;

/* A generated kernel: run chunks [begin, end), on any thread in any order, then `finish` (may be null) once. */
typedef void (*weft_kernel_run)(void* const* buffers, void* scratch, int64_t begin, int64_t end);
typedef void (*weft_kernel_finish)(void* const* buffers, void* scratch);
typedef struct {
  const char* name;
  weft_kernel_run run;
  weft_kernel_finish finish;
  int64_t chunks;
  size_t scratch_bytes; /* 64-byte aligned memory that nothing else uses between `run` and `finish` */
  double work_ns;       /* estimate for all chunks on one thread */
} weft_kernel;

/* The rows of steps.def as structs: weft_type, weft_matmul_step and so on. */
#define FIELD(type, name) type name;
#define ARRAY(type, name, size) type name[size];
#define LIST(type, name, count) \
  const type* name;             \
  int count;
#define STRUCT(name, fields) \
  typedef struct {           \
    fields                   \
  } weft_##name;
#define STEP(KIND, name, fields) STRUCT(name##_step, fields)
#include "runtime/program/steps.def"
#undef FIELD
#undef ARRAY
#undef LIST

typedef enum {
#define STEP(KIND, name, fields) WEFT_STEP_##KIND,
#include "runtime/program/steps.def"
  WEFT_STEP_CUSTOM /* in no artefact: what runs in the process that made it alone; without a struct */
} weft_step_kind;

/* Machine code of a program's source for GPUs of an architecture, "sm_90". */
typedef struct {
  const char* architecture;
  const unsigned char* bytes;
} weft_code;

typedef struct {
  weft_step_kind kind;
  const char* name;              /* for errors and profiles */
  const weft_address* addresses; /* operands, then results */
  int address_count;
  size_t scratch_offset; /* into the arena; unused if scratch_bytes is 0 */
  size_t scratch_bytes;
  const void* what; /* the struct of its kind */
} weft_step;

/* One entry at one batch. */
typedef struct {
  const char* entry;
  int64_t batch;
  const weft_port* inputs;
  int input_count;
  const weft_port* outputs;
  int output_count;
  const weft_step* steps;
  int step_count;
  size_t arena_bytes;
  int trains;         /* a training step: reads the step number of the model and increments it */
  const char* source; /* on a GPU: CUDA C++ of its kernels, "" without kernels */
  const weft_code* codes;
  int code_count;
} weft_program;

typedef struct {
  uint32_t tables_version;
  const char* weft;            /* the version that compiled the artefact */
  const char* name;            /* the prefix of its functions */
  const char* model;           /* name of the module */
  const char* settings;        /* for the metadata of checkpoints; "" if unknown */
  const char* optimizer;       /* for that metadata: prefixes of the optimizer's tensor names, "adam.m,adam.v" */
  const char* manifest;        /* the text of NAME.json */
  uint64_t hash;               /* of everything a caller compiles against: entries, types, offsets */
  const char* cpu;             /* compiled for this cpu */
  const char* const* features; /* features that the cpu must have, LLVM's names, null at the end */
  const weft_tensor* tensors;
  int tensor_count;
  size_t params_bytes, state_bytes;
  const weft_hyper* hypers;
  int hyper_count;
  const weft_program* programs;
  int program_count;
  const unsigned char* weights; /* params_bytes, then state_bytes, as in memory; null if not embedded */
} weft_artefact;

/* Runs programs in an artefact that uses oneDNN: backends/aot/cpu_runtime.cpp, a C++ library without LLVM. A
 * standalone artefact uses runtime/artefact/standalone.c instead. Callers have checked all sizes. */
#ifdef WEFT_STANDALONE
#define WEFT_EXECUTOR static
#else
#define WEFT_EXECUTOR
#endif
typedef struct weft_executor weft_executor;
/* Makes what the steps need; returns null and sets `error` on failure. `memory` is the arena, 64-byte aligned; on a
 * GPU the weft_device. */
WEFT_EXECUTOR weft_executor* weft_executor_create(const weft_program* program, void* memory, int threads, char* error,
                                                  size_t error_bytes);
/* One host pointer per input and output. `own`: what computes in place of the pool's threads, or null. Allocates
 * nothing. Returns 0 and sets `error` on failure. */
WEFT_EXECUTOR int weft_executor_run(weft_executor* executor, const weft_parallel_for* own, void* const* inputs,
                                    void* const* outputs, char* error, size_t error_bytes);
WEFT_EXECUTOR void weft_executor_destroy(weft_executor* executor);

/* A model's memory on a GPU (backends/aot/cuda_runtime.cpp): both regions, which programs use instead of the host's,
 * and an arena. Functions return 0 or null and set `error` on failure. */
typedef struct weft_device weft_device;
weft_device* weft_device_create(size_t params_bytes, size_t state_bytes, size_t arena_bytes, char* error,
                                size_t error_bytes);
int weft_device_write(weft_device* device, const void* params, const void* state, char* error, size_t error_bytes);
int weft_device_read(weft_device* device, void* params, void* state, char* error, size_t error_bytes);
void weft_device_destroy(weft_device* device);

#endif
