/* A model in use. These files and the tables form one translation unit: functions are static, except those named by
 * WEFT_NAME, which are the artefact's interface. */
#ifndef WEFT_ARTEFACT_MODEL_H
#define WEFT_ARTEFACT_MODEL_H

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/artefact/codes.h"
#include "runtime/artefact/tables.h"

#define WEFT_API __attribute__((visibility("default")))
#define WEFT_PRINTF(text, values) __attribute__((format(printf, text, values)))

enum { WEFT_ERROR_BYTES = 1024, WEFT_ALIGNMENT = 64 };

/* The last error, or "". */
typedef struct {
  char text[WEFT_ERROR_BYTES];
} weft_error;

/* A model's two regions of memory. */
typedef struct {
  unsigned char* params;
  unsigned char* state;
  void* memory; /* of both; null if they are the artefact's embedded copy, which is never written */
} weft_weights;

typedef struct weft_model {
  int is_busy; /* a thread is inside a call: weft_enter */
  weft_weights weights;
  void* memory;                             /* the arena of the largest program; on a GPU the weft_device */
  int is_newer_on_host, is_newer_on_device; /* for weights on a device: device.c */
  int is_shared;                            /* the caller has pointers into the weights */
  float* hypers;                            /* one value each */
  weft_executor** executors;                /* one per program, null before its first run */
  void** pointers;                          /* to the inputs, then the outputs, of the running program */
  int threads;
  weft_parallel_for own; /* what computes in place of the pool's threads, if anything */
  uint64_t seed;
  uint64_t steps;       /* training steps so far */
  uint64_t random_step; /* the step of random numbers in entries that do not train */
  uint64_t random[2];   /* seed and step of the running program */
  weft_error error;
} weft_model;

#endif
