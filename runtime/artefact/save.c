/* Writes checkpoints. */
#include "runtime/artefact/model.h"

/* --- Tensors ----------------------------------------------------------------------------------------------------- */

/* The values in the order of files; the caller frees `copy`. Null if memory runs out. */
static const void* weft_row_major(const weft_tensor* tensor, const weft_weights* weights, void** copy,
                                  weft_error* error) {
  *copy = NULL;
  if (tensor->layout.rank == 0) return weft_memory_of(tensor, weights);
  *copy = malloc(tensor->type.bytes ? tensor->type.bytes : 1);
  if (!*copy) {
    weft_no_memory(error, tensor->type.bytes, tensor->name);
    return NULL;
  }
  return weft_get(tensor, weights, *copy, error) == WEFT_OK ? *copy : NULL;
}

static int weft_checksum(const weft_tensor* tensor, const weft_weights* weights, uint32_t* sum, weft_error* error) {
  void* copy = NULL;
  const void* values = weft_row_major(tensor, weights, &copy, error);
  if (values) *sum = weft_crc32(values, tensor->type.bytes, 0);
  free(copy);
  return values ? WEFT_OK : WEFT_NO_MEMORY;
}

/* --- The file ---------------------------------------------------------------------------------------------------- */

static int weft_write(int descriptor, const void* data, size_t bytes) {
  const unsigned char* next = data;
  while (bytes > 0) {
    const ssize_t done = write(descriptor, next, bytes < (1u << 30) ? bytes : (1u << 30));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return 0;
    next += done;
    bytes -= (size_t)done;
  }
  return 1;
}

static int weft_write_tensor(int descriptor, const weft_tensor* tensor, const weft_weights* weights,
                             weft_error* error) {
  void* copy = NULL;
  const void* values = weft_row_major(tensor, weights, &copy, error);
  const int done = values && weft_write(descriptor, values, tensor->type.bytes);
  free(copy);
  return done;
}

/* The tensors as entries of a header, in the order of files. */
static int weft_describe_tensors(const weft_artefact* artefact, const weft_weights* weights, weft_file_tensor* entries,
                                 weft_error* error) {
  const size_t count = (size_t)artefact->tensor_count;
  int code = WEFT_OK;
  for (size_t i = 0; i < count && code == WEFT_OK; ++i) {
    const weft_tensor* tensor = &artefact->tensors[i];
    const weft_file_tensor entry = {.name = tensor->name,
                                    .dtype = weft_row_of(tensor->type.dtype)->name,
                                    .rank = tensor->type.rank,
                                    .dims = tensor->type.dims,
                                    .elements = weft_elements(&tensor->type),
                                    .index = i};
    entries[i] = entry;
    code = weft_checksum(tensor, weights, &entries[i].checksum, error);
  }
  if (code == WEFT_OK) weft_arrange(entries, count);
  return code;
}

static void weft_append_checkpoint_header(weft_text* header, const weft_artefact* artefact, const weft_model* model,
                                          const weft_file_tensor* entries) {
  const size_t count = (size_t)artefact->tensor_count;
  char seed[24], step[24];
  snprintf(seed, sizeof seed, "%llu", (unsigned long long)model->seed);
  snprintf(step, sizeof step, "%llu", (unsigned long long)model->steps);
  const weft_pair all[] = {
      {"crc32", NULL},         {"model", artefact->model},       {"optimizer", artefact->optimizer},
      {"seed", seed},          {"settings", artefact->settings}, {"step", step},
      {"weft", artefact->weft}};
  weft_pair pairs[sizeof all / sizeof *all];
  size_t pair_count = 1;
  for (size_t i = 1; i < sizeof all / sizeof *all; ++i)
    if (*all[i].value) pairs[pair_count++] = all[i];
  weft_text sums = {NULL, 0, 0, 0};
  pairs[0] = all[0];
  weft_append_checksums(&sums, pairs, pair_count, entries, count);
  pairs[0].value = sums.data;
  if (!sums.failed) weft_append_header(header, pairs, pair_count, entries, count);
  if (sums.failed) header->failed = 1;
  free(sums.data);
}

/* `entries` has room for all tensors. */
static int weft_write_checkpoint(int descriptor, const weft_artefact* artefact, const weft_model* model,
                                 weft_file_tensor* entries, weft_error* error) {
  weft_text header = {NULL, 0, 0, 0};
  unsigned char length[8];
  if (weft_describe_tensors(artefact, &model->weights, entries, error) != WEFT_OK) return 0;
  weft_append_checkpoint_header(&header, artefact, model, entries);
  if (header.failed) weft_no_memory(error, header.size, "a file's header");
  for (int i = 0; i < 8; ++i) length[i] = (unsigned char)((uint64_t)header.size >> 8 * i);
  int done = !header.failed && weft_write(descriptor, length, 8) && weft_write(descriptor, header.data, header.size);
  for (int i = 0; i < artefact->tensor_count && done; ++i)
    done = weft_write_tensor(descriptor, &artefact->tensors[entries[i].index], &model->weights, error);
  free(header.data);
  return done;
}

/* --- Atomically -------------------------------------------------------------------------------------------------- */

/* Creates a new file beside `path` and writes its name to `temporary`, which has room for the path and 64 more bytes;
 * -1 on failure. */
static int weft_create_beside(const char* path, char* temporary) {
  const char* slash = strrchr(path, '/');
  const char* name = slash ? slash + 1 : path;
  for (unsigned serial = 0; serial < 10000; ++serial) {
    sprintf(temporary, "%.*s.%.200s.tmp-%ld-%u", (int)(name - path), path, name, (long)getpid(), serial);
    const int descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0 || errno != EEXIST) return descriptor;
  }
  return -1;
}

/* Makes the rename durable. File systems that cannot flush a folder return EINVAL and need no flush. */
static int weft_flush_folder(char* file) {
  char* slash = strrchr(file, '/');
  if (slash) slash[slash == file] = '\0';
  const int descriptor = open(slash ? file : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return 0;
  const int done = fsync(descriptor) == 0 || errno == EINVAL;
  close(descriptor);
  return done;
}

static int weft_save_failed(weft_error* error, const char* what, const char* path) {
  if (*error->text) return WEFT_NO_MEMORY;
  return weft_fail(error, WEFT_BAD_FILE, "cannot %s %s: %s; choose a writable place with enough room", what, path,
                   strerror(errno));
}

/* `temporary` has room for the path and 64 more bytes. */
static int weft_save(const weft_model* model, const char* path, char* temporary, weft_file_tensor* entries,
                     weft_error* error) {
  const int descriptor = weft_create_beside(path, temporary);
  if (descriptor < 0) return weft_save_failed(error, "create", path);
  int done = weft_write_checkpoint(descriptor, &the_artefact, model, entries, error) && fsync(descriptor) == 0;
  int code = done ? WEFT_OK : weft_save_failed(error, "write", path);
  if (close(descriptor) != 0 && done) code = weft_save_failed(error, "close", path), done = 0;
  if (done && rename(temporary, path) != 0)
    code = weft_save_failed(error, "rename the temporary file to", path), done = 0;
  if (!done) unlink(temporary);
  if (done && !weft_flush_folder(temporary)) code = weft_save_failed(error, "flush the folder of", path);
  return code;
}

/* Refuses devices, folders and other special files, which a rename would replace with a regular file, and follows
 * links. The caller frees `resolved`. */
static int weft_find_target(const char* path, char** resolved, weft_error* error) {
  struct stat status;
  *resolved = NULL;
  if (!*path || path[strlen(path) - 1] == '/')
    return weft_fail(error, WEFT_BAD_FILE, "cannot write '%s': a file name is missing", path);
  if (lstat(path, &status) == 0 && S_ISLNK(status.st_mode)) {
    *resolved = realpath(path, NULL);
    if (!*resolved && errno == ENOMEM) return weft_no_memory(error, strlen(path), "a file's name");
  }
  if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
    return weft_fail(error, WEFT_BAD_FILE, "cannot write %s: it exists and is not a regular file; choose another name",
                     path);
  return WEFT_OK;
}

static int weft_call_save(weft_model* model, const char* path) {
  if (!path) return weft_fail(&model->error, WEFT_BAD_ARGUMENT, "save: the path is null");
  char* resolved = NULL;
  int code = weft_find_target(path, &resolved, &model->error);
  const char* target = resolved ? resolved : path;
  char* temporary = malloc(strlen(target) + 64);
  weft_file_tensor* entries = malloc(((size_t)the_artefact.tensor_count + 1) * sizeof *entries);
  if (code == WEFT_OK && (!temporary || !entries))
    code = weft_no_memory(&model->error, strlen(target), "a file's name");
  if (code == WEFT_OK) code = weft_to_host(model);
  if (code == WEFT_OK) code = weft_save(model, target, temporary, entries, &model->error);
  free(resolved);
  free(temporary);
  free(entries);
  return code;
}

WEFT_API int WEFT_NAME(save)(weft_model* model, const char* path) {
  const int code = weft_enter(model, "save");
  return code == WEFT_OK ? weft_leave(model, weft_call_save(model, path)) : code;
}
