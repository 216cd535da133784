/* A compiled model as constant tables (C11): `weft compile` writes them into one C file NAME.c, followed by the
 * functions of runtime/artefact; the kernels they point to are an object file from LLVM. Loading parses nothing.
 *
 * A model keeps its tensors in two regions: `params` (weights) and `state` (running statistics and optimizer
 * tensors). A program is one entry at one batch: a flat list of steps over its inputs, its outputs and one arena. */
#ifndef WEFT_ARTEFACT_TABLES_H
#define WEFT_ARTEFACT_TABLES_H

#include <stddef.h>
#include <stdint.h>

enum { WEFT_TABLES_VERSION = 1, WEFT_MAX_RANK = 8 };

typedef enum { WEFT_F32, WEFT_BF16, WEFT_F16, WEFT_I32, WEFT_U8, WEFT_BOOL } weft_dtype;

typedef enum {
  WEFT_DATA,  /* an input or output in the caller's memory */
  WEFT_PARAM, /* in the region `params` */
  WEFT_STATE, /* in the region `state` */
  WEFT_RNG,   /* i32[4]: seed low, seed high, step low, step high */
  WEFT_HYPER  /* one number, set by name */
} weft_role;

typedef struct {
  weft_dtype dtype;
  int rank;
  int64_t dims[WEFT_MAX_RANK];
  size_t bytes;
} weft_type;

/* An input or output of a program. */
typedef struct {
  const char* name;
  weft_type type;
  weft_role role; /* an output that takes over an input's memory has that input's role, else WEFT_DATA */
  size_t offset;  /* params, state: bytes into the region; hyper: its index */
} weft_port;

/* Where a step finds an operand: an input, an output or the arena, and an offset in bytes. */
typedef enum { WEFT_INPUT, WEFT_OUTPUT, WEFT_ARENA } weft_base;
typedef struct {
  weft_base base;
  uint32_t index; /* of the input or output */
  size_t offset;
} weft_address;

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

/* Of WEFT_STEP_KERNEL. Cuts, if any, divide the `elements` of the output into parts; each thread gets a share of
 * every part. */
typedef struct {
  const weft_kernel* kernel;
  const int64_t* cuts; /* sorted, including 0 and `elements` */
  int cut_count;
  int64_t elements;
} weft_kernel_step;

/* Of WEFT_STEP_MATMUL: f32; element (i, j) is at i * row_stride + j * column_stride. */
typedef struct {
  int64_t rows, columns, row_stride, column_stride;
} weft_matrix;
typedef struct {
  weft_matrix a, b, result;
  int bias;               /* a third operand, one number per column */
  const char* activation; /* "" or "relu" */
} weft_matmul_step;

/* Of WEFT_STEP_CONVOLUTION, see ir/contraction.h and backends/cpu/onednn/onednn.h. */
typedef struct {
  int direction; /* 0 forward, 1 data, 2 weights */
  int64_t x[4], w[4], y[4], stride[2], padding[2], dilation[2], groups;
  int channels_last;
  const char* weights_layout;
  int bias;
  const char* activation;
  int winograd;
} weft_convolution_step;

/* Of WEFT_STEP_FILL: zeros in the first address. */
typedef struct {
  size_t offset, bytes;
} weft_gap;
typedef struct {
  const weft_gap* gaps;
  int gap_count;
} weft_fill_step;

/* How weights [out,in,height,width] lie in memory (ir/memory_layout.h): outer dims, slowest first, and inside them
 * blocks, the last fastest. rank 0: row-major. */
typedef struct {
  int rank, block_count;
  int order[WEFT_MAX_RANK];
  int block_dim[WEFT_MAX_RANK];
  int64_t block_size[WEFT_MAX_RANK];
} weft_layout;

/* Of WEFT_STEP_RELAYOUT: a row-major copy of an f32 tensor in another layout. Addresses: from, to. */
typedef struct {
  weft_type type;
  weft_layout layout;
} weft_relayout_step;

/* Of WEFT_STEP_POOLING: f32, channels last. code: 0 max, 1 average, 2 max gradient, 3 average gradient. Sizes are
 * height, width, of the input image (`in`) and the output image (`out`). */
typedef struct {
  int code;
  int64_t images, channels, in[2], out[2], kernel[2], stride[2], padding[2];
} weft_pooling_step;

/* Of WEFT_STEP_SIMILARITY: NT-Xent. code: 0 similarity_lse, 1 its gradient, 2 the tiles that both may read. */
typedef struct {
  int code;
  int64_t rows, width;
  const weft_kernel* const* kernels;
  int kernel_count;
} weft_similarity_step;

/* Of WEFT_STEP_IM2COL (only --standalone): a convolution of f32 by im2col and matmul, one block of images and one
 * group at a time. Addresses: as of WEFT_STEP_CONVOLUTION. With taps = kernel[0] * kernel[1] * x[0] / groups, the
 * columns of channels-last images are [block * y[1] * y[2], taps], taps dense, channels fastest; the columns of
 * planes, with a block of one image, are [taps, y[1] * y[2]], channels slowest. Buffers of the matmul: forward:
 * columns, w, [bias], y; data: y, w, columns; weights: y, columns, w, to which it adds. Scratch: w in the order of
 * the matmul, columns, the matmul's scratch. */
typedef struct {
  int direction; /* 0 forward, 1 data, 2 weights */
  int channels_last, bias;
  int64_t images, block;      /* a divisor of the images */
  int64_t x[3], y[3], groups; /* channels, height, width */
  int64_t kernel[2], stride[2], padding[2], dilation[2];
  size_t weights_bytes; /* in scratch; channels last: forward [groups, taps, y[0] / groups], else [y[0], taps]; planes:
                           0 */
  size_t columns_bytes; /* in scratch */
  const weft_kernel* matmul;
} weft_im2col_step;

/* Of WEFT_STEP_LAUNCHES, on a GPU: functions of the program's source, run in order over one scratch buffer. */
typedef struct {
  const char* function;
  unsigned blocks, threads;
  size_t shared_bytes;
} weft_launch;
typedef struct {
  const weft_launch* launches;
  int launch_count;
  size_t scratch_bytes;
} weft_launches_step;

/* Of WEFT_STEP_DEVICE_MATMUL, on a GPU, see backends/cuda/device/device.h. */
typedef struct {
  weft_matrix matrix;
  unsigned alignment; /* of its first element, in bytes */
} weft_device_matrix;
typedef struct {
  weft_device_matrix a, b, result;
  int bias;
  const char* activation;
  weft_dtype dtype;
  int tf32;
  unsigned bias_alignment; /* of its first element, in bytes */
} weft_device_matmul_step;

/* Of WEFT_STEP_DEVICE_CONVOLUTION, on a GPU, see backends/cuda/device/device.h. */
typedef struct {
  weft_convolution_step shape;
  weft_dtype dtype;
  int tf32;
  int w_last;
} weft_device_convolution_step;

/* Machine code of a program's source for GPUs of an architecture, "sm_90". */
typedef struct {
  const char* architecture;
  const unsigned char* bytes;
} weft_code;

typedef enum {
  WEFT_STEP_KERNEL,
  WEFT_STEP_MATMUL,
  WEFT_STEP_CONVOLUTION,
  WEFT_STEP_FILL,
  WEFT_STEP_RELAYOUT,
  WEFT_STEP_POOLING,
  WEFT_STEP_SIMILARITY,
  WEFT_STEP_IM2COL,
  WEFT_STEP_LAUNCHES,
  WEFT_STEP_DEVICE_MATMUL,
  WEFT_STEP_DEVICE_CONVOLUTION
} weft_step_kind;

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

/* How a tensor is initialised (ir::Init). */
typedef enum { WEFT_INIT_NONE, WEFT_INIT_CONSTANT, WEFT_INIT_UNIFORM, WEFT_INIT_NORMAL } weft_init_kind;

/* A tensor that the model keeps: in files under its name, row-major. */
typedef struct {
  const char* name;
  weft_type type;
  weft_role role; /* WEFT_PARAM or WEFT_STATE */
  int of_optimizer;
  size_t offset; /* bytes into its region */
  weft_layout layout;
  weft_init_kind init;
  double init_a, init_b;
} weft_tensor;

typedef struct {
  const char* name;
  float value; /* the default */
} weft_hyper;

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
/* One host pointer per input and output. Allocates nothing. Returns 0 and sets `error` on failure. */
WEFT_EXECUTOR int weft_executor_run(weft_executor* executor, void* const* inputs, void* const* outputs, char* error,
                                    size_t error_bytes);
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
