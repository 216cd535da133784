/* Loads a model's weights from a file, as State::load of runtime/state.cpp does. */
#include "runtime/artefact/model.h"

static const weft_file_tensor* weft_find_tensor(const weft_file* file, const char* name) {
  weft_file_tensor wanted;
  wanted.name = name;
  if (file->tensors.count == 0) return NULL;
  return bsearch(&wanted, file->tensors.items, file->tensors.count, sizeof wanted, weft_by_name);
}

/* "f32[2,3]". */
static void weft_add_type(weft_error* error, const char* dtype, int rank, const int64_t* dims) {
  weft_add(error, "%s[", dtype);
  for (int i = 0; i < rank && i < WEFT_MAX_RANK; ++i) weft_add(error, "%s%lld", i ? "," : "", (long long)dims[i]);
  weft_add(error, rank > WEFT_MAX_RANK ? ",...]" : "]");
}

/* The settings that the file was made with, for error messages. */
static void weft_add_origin(weft_error* error, const weft_file* file) {
  const char *model = weft_metadata(file, "model"), *settings = weft_metadata(file, "settings");
  if (!model) return;
  weft_add(error, " (the file says: model %.100s", model);
  if (settings) weft_add(error, ", settings %.300s", settings);
  weft_add(error, ")");
}

WEFT_PRINTF(3, 4) static int weft_refuse(weft_error* error, const weft_file* file, const char* format, ...) {
  va_list values;
  weft_fail(error, WEFT_WRONG_WEIGHTS, "%s: not the weights of this model: ", file->path);
  va_start(values, format);
  weft_add_values(error, format, values);
  va_end(values);
  weft_add_origin(error, file);
  weft_add(error, "; use the model and the settings it was compiled with");
  return WEFT_WRONG_WEIGHTS;
}

static int weft_check_fit(const weft_tensor* tensor, const weft_file* file, weft_error* error) {
  const char* dtype = weft_row_of(tensor->type.dtype)->name;
  const weft_file_tensor* found = weft_find_tensor(file, tensor->name);
  if (!found) return weft_refuse(error, file, "it lacks %.200s", tensor->name);
  if (strcmp(found->dtype, dtype) == 0 && found->rank == tensor->type.rank &&
      memcmp(found->dims, tensor->type.dims, (size_t)found->rank * sizeof *found->dims) == 0)
    return WEFT_OK;
  weft_error types = {""};
  weft_add_type(&types, found->dtype, found->rank, found->dims);
  weft_add(&types, " in the file, but ");
  weft_add_type(&types, dtype, tensor->type.rank, tensor->type.dims);
  return weft_refuse(error, file, "%.200s is %.300s in the model", tensor->name, types.text);
}

/* Whether the name begins with a name of the list "adam.m,adam.v" and a dot. */
static int weft_is_of_optimizer(const char* name, const char* list) {
  while (list && *list) {
    const size_t length = strcspn(list, ",");
    if (strncmp(name, list, length) == 0 && name[length] == '.') return 1;
    list += length + (list[length] == ',');
  }
  return 0;
}

/* An artefact may hold some of a model's tensors; the file of the whole model fits it. */
static int weft_is_of_same_model(const weft_artefact* artefact, const weft_file* file) {
  const char* model = weft_metadata(file, "model");
  return model && strcmp(model, artefact->model) == 0;
}

static int weft_check_others(const weft_artefact* artefact, const weft_file* file, weft_error* error) {
  const char* optimizer = weft_metadata(file, "optimizer");
  if (weft_is_of_same_model(artefact, file)) return WEFT_OK;
  for (size_t i = 0; i < file->tensors.count; ++i) {
    const char* name = weft_file_tensors(file)[i].name;
    int is_known = weft_is_of_optimizer(name, optimizer);
    for (int j = 0; j < artefact->tensor_count && !is_known; ++j)
      is_known = strcmp(artefact->tensors[j].name, name) == 0;
    if (!is_known) return weft_refuse(error, file, "%.200s is not one of its tensors", name);
  }
  return WEFT_OK;
}

static int weft_check_weights(const weft_artefact* artefact, const weft_file* file, int optimizer, weft_error* error) {
  for (int i = 0; i < artefact->tensor_count; ++i) {
    if (artefact->tensors[i].of_optimizer && !optimizer) continue;
    const int code = weft_check_fit(&artefact->tensors[i], file, error);
    if (code != WEFT_OK) return code;
  }
  return weft_check_others(artefact, file, error);
}

/* As in runtime/state.cpp. */
static int weft_check_finite(const weft_tensor* tensor, const weft_file* file, const void* values, weft_error* error) {
  const float* numbers = values;
  const size_t count = weft_elements(&tensor->type);
  size_t found = 0, first = 0;
  for (size_t i = 0; i < count && tensor->type.dtype == WEFT_F32; ++i)
    if (!isfinite(numbers[i]) && found++ == 0) first = i;
  if (found == 0) return WEFT_OK;
  return weft_fail(error, WEFT_BAD_FILE,
                   "%s: %.200s holds %zu of %zu values that are not finite, the first at index %zu (%f): training "
                   "diverged, or the file was changed; take an earlier checkpoint, or train again",
                   file->path, tensor->name, found, count, first, (double)numbers[first]);
}

static int weft_take_tensor(const weft_tensor* tensor, const weft_file* file, const weft_weights* weights,
                            weft_error* error) {
  const weft_file_tensor* found = weft_find_tensor(file, tensor->name);
  if (tensor->layout.rank == 0) {
    void* memory = weft_memory_of(tensor, weights);
    const int read = weft_read_values(file, found, memory, error);
    return read == WEFT_OK ? weft_check_finite(tensor, file, memory, error) : read;
  }
  void* values = malloc(tensor->type.bytes ? tensor->type.bytes : 1);
  if (!values) return weft_no_memory(error, tensor->type.bytes, tensor->name);
  int code = weft_read_values(file, found, values, error);
  if (code == WEFT_OK) code = weft_check_finite(tensor, file, values, error);
  if (code == WEFT_OK) code = weft_put(tensor, weights, values, error);
  free(values);
  return code;
}

/* Loads weights from a file; `optimizer` loads the optimizer's tensors as well, which otherwise start anew. */
static int weft_take_weights(const weft_artefact* artefact, const weft_file* file, int optimizer, weft_weights* weights,
                             weft_error* error) {
  weft_weights fresh = {NULL, NULL, NULL};
  int code = weft_check_weights(artefact, file, optimizer, error);
  if (code != WEFT_OK) return code;
  code = weft_make_weights(artefact, &fresh, error);
  if (code != WEFT_OK) return code;
  if (!optimizer) code = weft_init_weights(artefact, &fresh, 1, 1, error);
  for (int i = 0; i < artefact->tensor_count && code == WEFT_OK; ++i)
    if (optimizer || !artefact->tensors[i].of_optimizer)
      code = weft_take_tensor(&artefact->tensors[i], file, &fresh, error);
  if (code != WEFT_OK) {
    free(fresh.memory);
    return code;
  }
  weft_replace_weights(artefact, weights, fresh);
  return WEFT_OK;
}

/* Reads a number of the metadata. */
static int weft_read_number(const weft_file* file, const char* key, uint64_t* number, weft_error* error) {
  const char* text = weft_metadata(file, key);
  *number = 0;
  if (!text)
    return weft_fail(error, WEFT_WRONG_WEIGHTS,
                     "%s: not a checkpoint: its metadata lacks '%s'; give a file of weights to create, not to load",
                     file->path, key);
  char* end = NULL;
  errno = 0;
  *number = strtoull(text, &end, 10);
  if (!weft_json_is_digit(*text) || *end != '\0' || errno != 0)
    return weft_fail(error, WEFT_BAD_FILE,
                     "%s: damaged checkpoint: its metadata says %s = '%.60s', which is not a number", file->path, key,
                     text);
  return WEFT_OK;
}

static int weft_load(weft_model* model, const weft_file* file, weft_error* error) {
  uint64_t seed = 0, steps = 0;
  int code = weft_read_number(file, "seed", &seed, error);
  if (code == WEFT_OK) code = weft_read_number(file, "step", &steps, error);
  if (code == WEFT_OK) code = weft_take_weights(&the_artefact, file, 1, &model->weights, error);
  if (code != WEFT_OK) return code;
  weft_changed(model);
  model->seed = seed;
  model->steps = steps;
  return WEFT_OK;
}

static int weft_call_load(weft_model* model, const char* path) {
  if (!path) return weft_fail(&model->error, WEFT_BAD_ARGUMENT, "load: the path is null");
  weft_file file;
  int code = weft_open_file(&file, path, &model->error);
  if (code == WEFT_OK) code = weft_load(model, &file, &model->error);
  weft_close(&file);
  return code;
}

WEFT_API int WEFT_NAME(load)(weft_model* model, const char* path) {
  const int code = weft_enter(model, "load");
  return code == WEFT_OK ? weft_leave(model, weft_call_load(model, path)) : code;
}
