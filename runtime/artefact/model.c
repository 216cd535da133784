/* Creating, configuring and destroying a model. */
#include "runtime/artefact/model.h"

static void weft_drop_executors(weft_model* model) {
  for (int i = 0; model->executors && i < the_artefact.program_count; ++i) {
    if (model->executors[i]) weft_executor_destroy(model->executors[i]);
    model->executors[i] = NULL;
  }
}

WEFT_API void WEFT_NAME(destroy)(weft_model* model) {
  if (!model) return;
  weft_drop_executors(model);
  free(model->executors);
  free(model->pointers);
  free(model->hypers);
  weft_destroy_memory(model);
  free(model->weights.memory);
  free(model);
}

WEFT_API const char* WEFT_NAME(describe)(void) { return the_artefact.manifest; }

/* Checks that the caller was compiled against this library, and that this cpu runs the library's code. */
static int weft_check_artefact(uint64_t hash, weft_error* error) {
  const char* missing = weft_missing_feature(the_artefact.features);
  if (missing)
    return weft_fail(
        error, WEFT_WRONG_CPU,
        "%s was compiled for the cpu %s, and this one lacks %s; compile it again with --cpu native on this "
        "machine, or with --cpu x86-64-v3",
        the_artefact.name, the_artefact.cpu, missing);
  if (the_artefact.tables_version != WEFT_TABLES_VERSION)
    return weft_fail(error, WEFT_WRONG_VERSION,
                     "%s has tables of version %u, but its functions read version %d; compile it again",
                     the_artefact.name, (unsigned)the_artefact.tables_version, WEFT_TABLES_VERSION);
  if (hash != the_artefact.hash)
    return weft_fail(
        error, WEFT_WRONG_VERSION,
        "%s.h and the library of %s come from different compiles (%016llx and %016llx): take both from one",
        the_artefact.name, the_artefact.name, (unsigned long long)hash, (unsigned long long)the_artefact.hash);
  return WEFT_OK;
}

static int weft_allocate_model(weft_model* model, weft_error* error) {
  size_t arena = 0, ports = 0;
  for (int i = 0; i < the_artefact.program_count; ++i) {
    const weft_program* program = &the_artefact.programs[i];
    const size_t count = (size_t)program->input_count + (size_t)program->output_count;
    if (program->arena_bytes > arena) arena = program->arena_bytes;
    if (count > ports) ports = count;
  }
  model->hypers = calloc((size_t)the_artefact.hyper_count + 1, sizeof *model->hypers);
  model->executors = calloc((size_t)the_artefact.program_count + 1, sizeof *model->executors);
  model->pointers = calloc(ports + 1, sizeof *model->pointers);
  if (!model->hypers || !model->executors || !model->pointers)
    return weft_no_memory(error, ports * sizeof *model->pointers, "a model's ports");
  for (int i = 0; i < the_artefact.hyper_count; ++i) model->hypers[i] = the_artefact.hypers[i].value;
  return weft_create_memory(model, arena, error);
}

/* Takes the weights from a file, from the embedded copy, or initialised with seed 1. */
static int weft_start_weights(weft_model* model, const char* path, weft_error* error) {
  if (path) {
    weft_file file;
    int code = weft_open_file(&file, path, error);
    if (code == WEFT_OK) code = weft_take_weights(&the_artefact, &file, 0, &model->weights, error);
    weft_close(&file);
    return code;
  }
  if (the_artefact.weights) {
    /* Never written: see weft_own_weights. */
    model->weights.params = (unsigned char*)the_artefact.weights;
    model->weights.state = model->weights.params + the_artefact.params_bytes;
    return WEFT_OK;
  }
  const int code = weft_make_weights(&the_artefact, &model->weights, error);
  return code == WEFT_OK ? weft_init_weights(&the_artefact, &model->weights, 1, 0, error) : code;
}

static int weft_create(weft_model** model, const char* weights, uint64_t hash, weft_error* error) {
  int code = weft_check_artefact(hash, error);
  if (code != WEFT_OK) return code;
  weft_model* made = calloc(1, sizeof *made);
  if (!made) return weft_no_memory(error, sizeof *made, "a model");
  if (weft_refused == made) weft_refused = NULL; /* the model at this address was destroyed */
  made->threads = 1;
  made->seed = 1;
  made->random_step = UINT64_C(3) << 61; /* steps that training never reaches: training/session.cpp */
  code = weft_allocate_model(made, error);
  if (code == WEFT_OK) code = weft_start_weights(made, weights, error);
  weft_changed(made);
  if (code != WEFT_OK) {
    WEFT_NAME(destroy)(made);
    return code;
  }
  *model = made;
  return WEFT_OK;
}

WEFT_API int WEFT_NAME(create_checked)(weft_model** model, const char* weights, uint64_t hash) {
  weft_clear(&weft_thread_error);
  if (!model) return weft_no_model("create");
  *model = NULL;
  return weft_create(model, weights, hash, &weft_thread_error);
}

static int weft_call_set(weft_model* model, const char* hyper, double value) {
  for (int i = 0; hyper && i < the_artefact.hyper_count; ++i)
    if (strcmp(hyper, the_artefact.hypers[i].name) == 0) {
      model->hypers[i] = (float)value;
      return WEFT_OK;
    }
  weft_fail(&model->error, WEFT_BAD_ARGUMENT, "set: %s has no number '%.100s'; it has:", the_artefact.name,
            hyper ? hyper : "(null)");
  for (int i = 0; i < the_artefact.hyper_count; ++i)
    weft_add(&model->error, "%s %s", i ? "," : "", the_artefact.hypers[i].name);
  if (the_artefact.hyper_count == 0) weft_add(&model->error, " none");
  return WEFT_BAD_ARGUMENT;
}

WEFT_API int WEFT_NAME(set)(weft_model* model, const char* hyper, double value) {
  const int code = weft_enter(model, "set");
  return code == WEFT_OK ? weft_leave(model, weft_call_set(model, hyper, value)) : code;
}

static int weft_call_seed(weft_model* model, uint64_t seed, uint64_t step) {
  model->seed = seed;
  model->random_step = step;
  return WEFT_OK;
}

WEFT_API int WEFT_NAME(seed)(weft_model* model, uint64_t seed, uint64_t step) {
  const int code = weft_enter(model, "seed");
  return code == WEFT_OK ? weft_leave(model, weft_call_seed(model, seed, step)) : code;
}

WEFT_API uint64_t WEFT_NAME(steps)(const weft_model* model) { return model ? model->steps : 0; }

static int weft_call_threads(weft_model* model, int threads) {
  enum { WEFT_MOST_THREADS = 1024 };
  if (threads < 1 || threads > WEFT_MOST_THREADS)
    return weft_fail(&model->error, WEFT_BAD_ARGUMENT, "threads: give a number from 1 to %d, not %d", WEFT_MOST_THREADS,
                     threads);
  if (threads != model->threads) weft_drop_executors(model);
  model->threads = threads;
  return WEFT_OK;
}

WEFT_API int WEFT_NAME(threads)(weft_model* model, int threads) {
  const int code = weft_enter(model, "threads");
  return code == WEFT_OK ? weft_leave(model, weft_call_threads(model, threads)) : code;
}

static int weft_call_parallel(weft_model* model, void (*parallel_for)(void*, int64_t, void (*)(void*, int64_t), void*),
                              void* caller) {
  model->own.parallel_for = parallel_for;
  model->own.caller = caller;
  return WEFT_OK;
}

WEFT_API int WEFT_NAME(parallel)(weft_model* model,
                                 void (*parallel_for)(void*, int64_t, void (*)(void*, int64_t), void*), void* caller) {
  const int code = weft_enter(model, "parallel");
  return code == WEFT_OK ? weft_leave(model, weft_call_parallel(model, parallel_for, caller)) : code;
}
