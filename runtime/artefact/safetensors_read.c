/* Reads safetensors files (runtime/safetensors.h): u64 length of a JSON header, the header, then the data, which the
 * tensors cover without holes or overlaps. Checks everything before using any of it. */
#include "runtime/artefact/model.h"

typedef struct {
  const char* name;
  const char* dtype; /* as the file says */
  int rank;
  int64_t dims[WEFT_MAX_RANK]; /* the first dims; `elements` counts over all */
  uint64_t elements, begin, end;
  uint32_t checksum; /* if the file has checksums */
} weft_file_tensor;

typedef struct {
  const char* path;
  int descriptor;
  char* header; /* owns the texts below */
  uint64_t data_begin, data_bytes;
  weft_file_tensor* tensors; /* sorted by name */
  size_t tensor_count, tensor_room;
  int has_metadata;
  const char *model, *settings, *optimizer, *seed, *step; /* from the metadata; null if absent */
  const char* checksums;                                  /* likewise: see runtime/safetensors.h */
  uint32_t header_sum;                                    /* of all other pairs, and of names and dtypes */
} weft_file;

/* Widest elements first: the order of tensors in a file. */
static const struct {
  const char* name;
  weft_dtype dtype;
} weft_dtype_names[] = {{"F32", WEFT_F32}, {"I32", WEFT_I32}, {"BF16", WEFT_BF16},
                        {"F16", WEFT_F16}, {"U8", WEFT_U8},   {"BOOL", WEFT_BOOL}};
enum { WEFT_DTYPES = 6 };

static int weft_rank_of_dtype(weft_dtype dtype) {
  int rank = 0;
  while (weft_dtype_names[rank].dtype != dtype) ++rank;
  return rank;
}

WEFT_PRINTF(3, 4) static int weft_damaged(weft_error* error, const weft_file* file, const char* format, ...) {
  va_list values;
  weft_fail(error, WEFT_BAD_FILE, "%s: ", file->path);
  va_start(values, format);
  weft_add_values(error, format, values);
  va_end(values);
  weft_add(error, "; the file is damaged or not a safetensors file: write it again or name another");
  return WEFT_BAD_FILE;
}

static void weft_close(weft_file* file) {
  if (file->descriptor >= 0) close(file->descriptor);
  free(file->header);
  free(file->tensors);
}

/* --- The header -------------------------------------------------------------------------------------------------- */

static void weft_read_metadata(weft_json* json, weft_file* file) {
  const struct {
    const char* key;
    const char** value;
  } wanted[] = {{"model", &file->model}, {"settings", &file->settings}, {"optimizer", &file->optimizer},
                {"seed", &file->seed},   {"step", &file->step},         {"crc32", &file->checksums}};
  size_t count = 0;
  const char* key;
  if (file->has_metadata) weft_json_fail(json, "__metadata__ is listed twice");
  file->has_metadata = 1;
  if (!weft_json_need(json, '{', "__metadata__ is not an object")) return;
  while ((key = weft_json_key(json, &count))) {
    const char* value = weft_json_string(json);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; ++i) {
      if (strcmp(key, wanted[i].key) != 0) continue;
      if (*wanted[i].value) weft_json_fail(json, "__metadata__ lists a name twice");
      *wanted[i].value = value;
    }
    if (value && strcmp(key, "crc32") != 0) file->header_sum += weft_crc32_of_pair(key, value);
  }
}

static int weft_read_shape(weft_json* json, weft_file_tensor* tensor) {
  size_t count = 0;
  int is_empty = 0;
  tensor->elements = 1;
  if (!weft_json_need(json, '[', "a shape is not a list")) return 0;
  while (weft_json_more(json, ']', &count)) {
    uint64_t dim = 0;
    if (!weft_json_count(json, &dim)) return 0;
    if (tensor->rank < WEFT_MAX_RANK) tensor->dims[tensor->rank] = (int64_t)dim;
    if (tensor->rank < INT32_MAX) ++tensor->rank;
    if (dim == 0) is_empty = 1;
    if (dim > 0 && tensor->elements > (UINT64_C(1) << 62) / dim)
      return weft_json_fail(json, "a shape has more than 2^62 elements");
    if (dim > 0) tensor->elements *= dim;
  }
  if (is_empty) tensor->elements = 0;
  return !json->wrong;
}

static int weft_read_offsets(weft_json* json, weft_file_tensor* tensor) {
  return weft_json_need(json, '[', "data_offsets is not a list") && weft_json_count(json, &tensor->begin) &&
         weft_json_need(json, ',', "data_offsets is not a pair") && weft_json_count(json, &tensor->end) &&
         weft_json_need(json, ']', "data_offsets is not a pair");
}

static int weft_read_tensor(weft_json* json, weft_file_tensor* tensor) {
  size_t count = 0;
  int fields = 0;
  const char* key;
  if (!weft_json_need(json, '{', "a tensor is not an object")) return 0;
  while ((key = weft_json_key(json, &count))) {
    const int field = strcmp(key, "dtype") == 0          ? 1
                      : strcmp(key, "shape") == 0        ? 2
                      : strcmp(key, "data_offsets") == 0 ? 4
                                                         : 0;
    if (fields & field) return weft_json_fail(json, "a tensor lists a field twice");
    fields |= field;
    if (field == 1) tensor->dtype = weft_json_string(json);
    if (field == 2) weft_read_shape(json, tensor);
    if (field == 4) weft_read_offsets(json, tensor);
    if (field == 0) weft_json_skip(json, 0);
  }
  return !json->wrong && (fields == 7 || weft_json_fail(json, "a tensor lacks dtype, shape or data_offsets"));
}

static weft_file_tensor* weft_add_tensor(weft_file* file) {
  if (file->tensor_count == file->tensor_room) {
    const size_t room = file->tensor_room ? 2 * file->tensor_room : 64;
    weft_file_tensor* grown = realloc(file->tensors, room * sizeof *grown);
    if (!grown) return NULL;
    file->tensors = grown;
    file->tensor_room = room;
  }
  weft_file_tensor* added = &file->tensors[file->tensor_count++];
  memset(added, 0, sizeof *added);
  return added;
}

static int weft_parse_header(weft_file* file, size_t length, weft_error* error) {
  weft_json json = {file->header, file->header + length, NULL};
  size_t count = 0;
  const char* name;
  weft_json_need(&json, '{', "it does not begin with '{'");
  while ((name = weft_json_key(&json, &count))) {
    if (strcmp(name, "__metadata__") == 0) {
      weft_read_metadata(&json, file);
      continue;
    }
    weft_file_tensor* tensor = weft_add_tensor(file);
    if (!tensor) return weft_no_memory(error, file->tensor_count * sizeof *tensor, "a file's header");
    tensor->name = name;
    if (!weft_read_tensor(&json, tensor)) return weft_damaged(error, file, "tensor '%.200s': %s", name, json.wrong);
    file->header_sum += weft_crc32_of_pair(name, tensor->dtype);
  }
  if (!weft_json_end(&json)) return weft_damaged(error, file, "its header is not JSON (%s)", json.wrong);
  return WEFT_OK;
}

/* --- Checks ------------------------------------------------------------------------------------------------------ */

static int weft_by_name(const void* a, const void* b) {
  return strcmp(((const weft_file_tensor*)a)->name, ((const weft_file_tensor*)b)->name);
}

static int weft_by_place(const void* a, const void* b) {
  const weft_file_tensor *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return x->end < y->end ? -1 : x->end > y->end;
}

static int weft_check_size(const weft_file* file, const weft_file_tensor* tensor, weft_error* error) {
  if (tensor->begin > tensor->end || tensor->end > file->data_bytes)
    return weft_damaged(error, file, "tensor '%.200s' lies at bytes %llu to %llu, but the file has %llu bytes of data",
                        tensor->name, (unsigned long long)tensor->begin, (unsigned long long)tensor->end,
                        (unsigned long long)file->data_bytes);
  const uint64_t size = tensor->end - tensor->begin;
  for (int i = 0; i < WEFT_DTYPES; ++i) {
    if (strcmp(tensor->dtype, weft_dtype_names[i].name) != 0) continue;
    const uint64_t width = weft_size_of(weft_dtype_names[i].dtype);
    if (size % width != 0 || size / width != tensor->elements)
      return weft_damaged(error, file, "tensor '%.200s' has %llu elements of %llu bytes, but lies in %llu bytes",
                          tensor->name, (unsigned long long)tensor->elements, (unsigned long long)width,
                          (unsigned long long)size);
    return WEFT_OK;
  }
  return weft_fail(error, WEFT_BAD_FILE,
                   "%s: tensor '%.200s' has dtype %.40s, which Weft does not read (F32, I32, BF16, F16, U8, BOOL); "
                   "convert it first",
                   file->path, tensor->name, tensor->dtype);
}

static int weft_check_coverage(weft_file* file, weft_error* error) {
  uint64_t covered = 0;
  if (file->tensor_count) qsort(file->tensors, file->tensor_count, sizeof *file->tensors, weft_by_place);
  for (size_t i = 0; i < file->tensor_count; ++i) {
    const weft_file_tensor* tensor = &file->tensors[i];
    if (tensor->begin < covered)
      return weft_damaged(error, file, "tensor '%.200s' overlaps the tensor before it", tensor->name);
    if (tensor->begin > covered) break;
    covered = tensor->end;
  }
  if (covered < file->data_bytes)
    return weft_damaged(error, file, "bytes of its data from %llu on belong to no tensor", (unsigned long long)covered);
  return WEFT_OK;
}

/* Reads a word of 8 hexadecimal digits, lower case; returns 0 if there is none. */
static int weft_take_word(const char** text, uint32_t* word) {
  static const char digits[] = "0123456789abcdef";
  *word = 0;
  while (**text == ' ') ++*text;
  for (int i = 0; i < 8; ++i, ++*text) {
    const char* digit = **text ? strchr(digits, **text) : NULL;
    if (!digit) return 0;
    *word = *word << 4 | (uint32_t)(digit - digits);
  }
  return **text == ' ' || **text == '\0';
}

/* Checks the checksum of the header; tensors are checked when their bytes are read. Tensors are sorted by position. */
static int weft_read_checksums(weft_file* file, weft_error* error) {
  const char* text = file->checksums;
  uint32_t word = 0;
  if (!text) return WEFT_OK;
  if (!weft_take_word(&text, &word) || word != file->header_sum)
    return weft_damaged(error, file, "its header is not what was written (its checksum differs)");
  for (size_t i = 0; i < file->tensor_count; ++i) {
    weft_file_tensor* tensor = &file->tensors[i];
    if (tensor->begin < tensor->end && !weft_take_word(&text, &tensor->checksum))
      return weft_damaged(error, file, "tensor '%.200s' is not what was written (its checksum differs)", tensor->name);
  }
  while (*text == ' ') ++text;
  return *text ? weft_damaged(error, file, "it has more checksums than tensors") : WEFT_OK;
}

static int weft_check_file(weft_file* file, weft_error* error) {
  for (size_t i = 0; i < file->tensor_count; ++i) {
    const int code = weft_check_size(file, &file->tensors[i], error);
    if (code != WEFT_OK) return code;
  }
  int code = weft_check_coverage(file, error);
  if (code == WEFT_OK) code = weft_read_checksums(file, error);
  if (code != WEFT_OK) return code;
  if (file->tensor_count) qsort(file->tensors, file->tensor_count, sizeof *file->tensors, weft_by_name);
  for (size_t i = 1; i < file->tensor_count; ++i)
    if (strcmp(file->tensors[i - 1].name, file->tensors[i].name) == 0)
      return weft_damaged(error, file, "tensor '%.200s' is listed twice", file->tensors[i].name);
  return WEFT_OK;
}

/* --- Use --------------------------------------------------------------------------------------------------------- */

static int weft_read_header(weft_file* file, uint64_t bytes, weft_error* error) {
  const uint64_t longest = 100000000; /* the limit of the published reader */
  unsigned char length_bytes[8];
  uint64_t length = 0;
  if (bytes < 8)
    return weft_damaged(error, file, "it holds %llu bytes, less than the 8 of a header length",
                        (unsigned long long)bytes);
  int code = weft_read(file->descriptor, file->path, length_bytes, 8, error);
  if (code != WEFT_OK) return code;
  for (int i = 8; i-- > 0;) length = length << 8 | length_bytes[i];
  if (length > longest || length > bytes - 8)
    return weft_damaged(error, file, "its header claims %llu bytes, but %s", (unsigned long long)length,
                        length > longest ? "the limit is 100000000" : "fewer follow");
  file->data_begin = 8 + length;
  file->data_bytes = bytes - file->data_begin;
  file->header = malloc(length + 1);
  if (!file->header) return weft_no_memory(error, length + 1, "a file's header");
  file->header[length] = '\0';
  code = weft_read(file->descriptor, file->path, file->header, length, error);
  if (code == WEFT_OK && file->header[0] != '{') code = weft_damaged(error, file, "its header does not begin with '{'");
  return code == WEFT_OK ? weft_parse_header(file, length, error) : code;
}

/* Opens and checks a file; call weft_close in any case. */
static int weft_open_file(weft_file* file, const char* path, weft_error* error) {
  uint64_t bytes = 0;
  memset(file, 0, sizeof *file);
  file->path = path;
  file->descriptor = weft_open(path, &bytes, error);
  if (file->descriptor < 0) return WEFT_BAD_FILE;
  const int code = weft_read_header(file, bytes, error);
  return code == WEFT_OK ? weft_check_file(file, error) : code;
}

static const weft_file_tensor* weft_find_tensor(const weft_file* file, const char* name) {
  weft_file_tensor wanted;
  wanted.name = name;
  if (file->tensor_count == 0) return NULL;
  return bsearch(&wanted, file->tensors, file->tensor_count, sizeof wanted, weft_by_name);
}

static int weft_read_values(const weft_file* file, const weft_file_tensor* tensor, void* values, weft_error* error) {
  if (lseek(file->descriptor, (off_t)(file->data_begin + tensor->begin), SEEK_SET) < 0)
    return weft_fail(error, WEFT_BAD_FILE, "cannot read %s: %s", file->path, strerror(errno));
  const size_t bytes = tensor->end - tensor->begin;
  const int code = weft_read(file->descriptor, file->path, values, bytes, error);
  if (code == WEFT_OK && file->checksums && bytes > 0 && weft_crc32(values, bytes, 0) != tensor->checksum)
    return weft_damaged(error, file, "tensor '%.200s' is not what was written (its checksum differs)", tensor->name);
  return code;
}
