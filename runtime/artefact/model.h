/* A model in use. Everything below is one translation unit with the tables: functions are static, but those that
 * WEFT_NAME names, which are the artefact's interface. */
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

/* What went wrong last, or "". */
typedef struct {
  char text[WEFT_ERROR_BYTES];
} weft_error;

/* The two regions that a model remembers. */
typedef struct {
  unsigned char* params;
  unsigned char* state;
  void* memory; /* of both; null where they are the artefact's own, which are never written to */
} weft_weights;

typedef struct weft_model {
  int is_busy; /* a thread is inside a call: weft_enter */
  weft_weights weights;
  void* memory;                             /* the arena of the largest program; or a device's memory, weft_device */
  int is_newer_on_host, is_newer_on_device; /* the weights, where they live on a device: device.c */
  int is_shared;                            /* the caller has pointers into the weights */
  float* hypers;                            /* one each */
  weft_executor** executors;                /* one a program, null before its first run */
  void** pointers;                          /* of the inputs, then of the outputs, of the program that runs */
  int threads;
  uint64_t seed;
  uint64_t steps;       /* of training */
  uint64_t random_step; /* what entries that do not train draw their random numbers by */
  uint64_t random[2];   /* of the program that runs: seed, step */
  weft_error error;
} weft_model;
