/* Reads safetensors files (runtime/safetensors.h): u64 length of a JSON header, the header, then the data, which the
 * tensors cover without holes or overlaps. Checks everything before using any of it. */
#include "runtime/artefact/model.h"

/* An entry of the header. */
typedef struct {
  const char* name;
  const char* dtype; /* as the file says */
  int rank;
  const int64_t* dims;
  uint64_t elements, begin, end; /* `begin` and `end`: bytes of the data */
  uint32_t checksum;             /* if the file has checksums */
  size_t index;                  /* in the list of who writes it */
} weft_file_tensor;

typedef struct {
  const char *key, *value;
} weft_pair;

typedef struct {
  const char* path;
  int descriptor;
  char* header; /* owns the texts below */
  uint64_t data_begin, data_bytes;
  weft_list tensors;  /* weft_file_tensor, sorted by name */
  weft_list dims;     /* int64_t, of all tensors */
  weft_list metadata; /* weft_pair, sorted by key */
} weft_file;

static weft_file_tensor* weft_file_tensors(const weft_file* file) { return (weft_file_tensor*)file->tensors.items; }

/* A text of the metadata; null if absent. */
static const char* weft_metadata(const weft_file* file, const char* key) {
  const weft_pair* pairs = (const weft_pair*)file->metadata.items;
  for (size_t i = 0; i < file->metadata.count; ++i)
    if (strcmp(pairs[i].key, key) == 0) return pairs[i].value;
  return NULL;
}

WEFT_PRINTF(3, 4) static int weft_damaged(weft_error* error, const weft_file* file, const char* format, ...) {
  va_list values;
  weft_fail(error, WEFT_BAD_FILE, "%.500s: ", file->path);
  va_start(values, format);
  weft_add_values(error, format, values);
  va_end(values);
  weft_add(error, "; the file is damaged or not a safetensors file: write it again or name another");
  return WEFT_BAD_FILE;
}

static void weft_close(weft_file* file) {
  if (file->descriptor >= 0) close(file->descriptor);
  free(file->header);
  free(file->tensors.items);
  free(file->dims.items);
  free(file->metadata.items);
}

/* --- The header -------------------------------------------------------------------------------------------------- */

static const char weft_ran_out[] = "memory ran out";

static void weft_read_metadata(weft_json* json, weft_file* file) {
  size_t count = 0;
  const char* key;
  if (!weft_json_need(json, '{', "it is not an object")) return;
  while ((key = weft_json_key(json, &count))) {
    const char* value = weft_json_string(json, "a value is not a text");
    weft_pair* pair = (weft_pair*)weft_append_item(&file->metadata, sizeof *pair);
    if (!pair) {
      weft_json_fail(json, weft_ran_out);
      return;
    }
    pair->key = key;
    pair->value = value;
  }
}

static int weft_read_shape(weft_json* json, weft_file* file, weft_file_tensor* tensor) {
  size_t count = 0;
  int is_empty = 0;
  tensor->elements = 1;
  if (!weft_json_need(json, '[', "shape is not a list")) return 0;
  while (weft_json_more(json, ']', &count)) {
    uint64_t dim = 0;
    if (!weft_json_count(json, &dim)) return 0;
    int64_t* added = (int64_t*)weft_append_item(&file->dims, sizeof *added);
    if (!added || tensor->rank == INT32_MAX) return weft_json_fail(json, weft_ran_out);
    *added = (int64_t)dim;
    ++tensor->rank;
    if (dim == 0) is_empty = 1;
    if (dim > 0 && tensor->elements > (UINT64_C(1) << 62) / dim)
      return weft_json_fail(json, "shape has more than 2^62 elements");
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

static int weft_read_tensor(weft_json* json, weft_file* file, weft_file_tensor* tensor) {
  size_t count = 0;
  int fields = 0;
  const char* key;
  if (!weft_json_need(json, '{', "it is not an object")) return 0;
  while ((key = weft_json_key(json, &count))) {
    const int field = strcmp(key, "dtype") == 0          ? 1
                      : strcmp(key, "shape") == 0        ? 2
                      : strcmp(key, "data_offsets") == 0 ? 4
                                                         : 0;
    if (fields & field) return weft_json_fail(json, "it lists a field twice");
    fields |= field;
    if (field == 1) tensor->dtype = weft_json_string(json, "dtype is not a text");
    if (field == 2) weft_read_shape(json, file, tensor);
    if (field == 4) weft_read_offsets(json, tensor);
    if (field == 0) weft_json_skip(json, 0);
  }
  return !json->wrong && (fields == 7 || weft_json_fail(json, "it lacks dtype, shape or data_offsets"));
}

/* Reads all entries. Returns the name of the one that is wrong, if any. */
static const char* weft_read_entries(weft_json* json, weft_file* file) {
  size_t count = 0;
  const char* name;
  int has_metadata = 0;
  while ((name = weft_json_key(json, &count))) {
    if (strcmp(name, "__metadata__") == 0) {
      if (has_metadata++) weft_json_fail(json, "it is listed twice");
      weft_read_metadata(json, file);
    } else {
      weft_file_tensor* tensor = (weft_file_tensor*)weft_append_item(&file->tensors, sizeof *tensor);
      if (tensor) tensor->name = name;
      if (!tensor || !weft_read_tensor(json, file, tensor)) weft_json_fail(json, weft_ran_out);
    }
    if (json->wrong) return name;
  }
  return NULL;
}

static int weft_parse_header(weft_file* file, size_t length, weft_error* error) {
  weft_json json = {file->header, file->header + length, NULL};
  weft_json_need(&json, '{', "it does not begin with '{'");
  const char* wrong = weft_read_entries(&json, file);
  weft_json_end(&json);
  const size_t at = (size_t)(json.at - file->header);
  if (json.wrong == weft_ran_out) return weft_no_memory(error, length, "a file's header");
  if (wrong) return weft_damaged(error, file, "'%.200s' in its header, at byte %zu: %s", wrong, at, json.wrong);
  if (json.wrong) return weft_damaged(error, file, "its header is not JSON, at byte %zu: %s", at, json.wrong);
  const int64_t* dims = (const int64_t*)file->dims.items;
  weft_file_tensor* entries = weft_file_tensors(file);
  for (size_t i = 0; i < file->tensors.count; dims += entries[i++].rank) entries[i].dims = dims;
  return WEFT_OK;
}

/* --- Checks ------------------------------------------------------------------------------------------------------ */

static int weft_by_key(const void* a, const void* b) {
  return strcmp(((const weft_pair*)a)->key, ((const weft_pair*)b)->key);
}

static int weft_by_name(const void* a, const void* b) {
  return strcmp(((const weft_file_tensor*)a)->name, ((const weft_file_tensor*)b)->name);
}

static int weft_by_place(const void* a, const void* b) {
  const weft_file_tensor *x = (const weft_file_tensor*)a, *y = (const weft_file_tensor*)b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return x->end < y->end ? -1 : x->end > y->end;
}

static void weft_sort(weft_list* list, size_t bytes, int (*order)(const void*, const void*)) {
  if (list->count) qsort(list->items, list->count, bytes, order);
}

/* Sorts by names, and refuses a name that is listed twice. */
static int weft_check_names(weft_file* file, weft_error* error) {
  const weft_pair* pairs = (const weft_pair*)file->metadata.items;
  const weft_file_tensor* entries = weft_file_tensors(file);
  weft_sort(&file->metadata, sizeof *pairs, weft_by_key);
  weft_sort(&file->tensors, sizeof *entries, weft_by_name);
  for (size_t i = 1; i < file->metadata.count; ++i)
    if (weft_by_key(&pairs[i - 1], &pairs[i]) == 0)
      return weft_damaged(error, file, "'%.200s' is listed twice in its metadata", pairs[i].key);
  for (size_t i = 1; i < file->tensors.count; ++i)
    if (weft_by_name(&entries[i - 1], &entries[i]) == 0)
      return weft_damaged(error, file, "tensor '%.200s' is listed twice", entries[i].name);
  return WEFT_OK;
}

static int weft_check_size(const weft_file* file, const weft_file_tensor* tensor, weft_error* error) {
  if (tensor->begin > tensor->end || tensor->end > file->data_bytes)
    return weft_damaged(error, file, "tensor '%.200s' lies at bytes %llu to %llu, but the file has %llu bytes of data",
                        tensor->name, (unsigned long long)tensor->begin, (unsigned long long)tensor->end,
                        (unsigned long long)file->data_bytes);
  const uint64_t size = tensor->end - tensor->begin;
  const weft_dtype_row* dtype = weft_find_dtype(tensor->dtype);
  if (!dtype)
    return weft_fail(error, WEFT_BAD_FILE,
                     "%.500s: tensor '%.200s' has dtype %.40s, which Weft does not read (F32, I32, BF16, F16, U8, "
                     "BOOL); convert it first",
                     file->path, tensor->name, tensor->dtype);
  if (size % dtype->bytes != 0 || size / dtype->bytes != tensor->elements)
    return weft_damaged(error, file, "tensor '%.200s' has %llu elements of %zu bytes, but lies in %llu bytes",
                        tensor->name, (unsigned long long)tensor->elements, dtype->bytes, (unsigned long long)size);
  return WEFT_OK;
}

static int weft_check_coverage(weft_file* file, weft_error* error) {
  uint64_t covered = 0;
  weft_sort(&file->tensors, sizeof(weft_file_tensor), weft_by_place);
  for (size_t i = 0; i <= file->tensors.count; ++i) {
    const weft_file_tensor* tensor = i < file->tensors.count ? &weft_file_tensors(file)[i] : NULL;
    const uint64_t begin = tensor ? tensor->begin : file->data_bytes;
    if (begin < covered)
      return weft_damaged(error, file, "tensor '%.200s' overlaps the tensor before it", tensor ? tensor->name : "");
    if (begin > covered)
      return weft_damaged(error, file, "bytes %llu to %llu belong to no tensor", (unsigned long long)covered,
                          (unsigned long long)begin);
    if (tensor) covered = tensor->end;
  }
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

/* The checksum of a pair of texts, each with a byte 0 after it. */
static uint32_t weft_crc32_of_pair(const char* key, const char* value) {
  return weft_crc32(value, strlen(value) + 1, weft_crc32(key, strlen(key) + 1, 0));
}

/* The checksum of a header: of the metadata but for its checksums, and of all names and dtypes. */
static uint32_t weft_header_sum(const weft_pair* pairs, size_t pair_count, const weft_file_tensor* entries,
                                size_t count) {
  uint32_t sum = 0;
  for (size_t i = 0; i < pair_count; ++i)
    if (strcmp(pairs[i].key, "crc32") != 0) sum += weft_crc32_of_pair(pairs[i].key, pairs[i].value);
  for (size_t i = 0; i < count; ++i) sum += weft_crc32_of_pair(entries[i].name, entries[i].dtype);
  return sum;
}

/* Checks the checksum of the header; tensors are checked when their bytes are read. Tensors are sorted by position. */
static int weft_read_checksums(weft_file* file, weft_error* error) {
  const char* text = weft_metadata(file, "crc32");
  uint32_t word = 0;
  if (!text) return WEFT_OK;
  if (!weft_take_word(&text, &word) ||
      word != weft_header_sum((const weft_pair*)file->metadata.items, file->metadata.count, weft_file_tensors(file),
                              file->tensors.count))
    return weft_damaged(error, file, "its header is not what was written (its checksum differs)");
  for (size_t i = 0; i < file->tensors.count; ++i) {
    weft_file_tensor* tensor = &weft_file_tensors(file)[i];
    if (tensor->begin < tensor->end && !weft_take_word(&text, &tensor->checksum))
      return weft_damaged(error, file, "tensor '%.200s' is not what was written (its checksum differs)", tensor->name);
  }
  while (*text == ' ') ++text;
  return *text ? weft_damaged(error, file, "it has more checksums than tensors") : WEFT_OK;
}

static int weft_check_file(weft_file* file, weft_error* error) {
  int code = weft_check_names(file, error);
  for (size_t i = 0; i < file->tensors.count && code == WEFT_OK; ++i)
    code = weft_check_size(file, &weft_file_tensors(file)[i], error);
  if (code == WEFT_OK) code = weft_check_coverage(file, error);
  if (code == WEFT_OK) code = weft_read_checksums(file, error);
  weft_sort(&file->tensors, sizeof(weft_file_tensor), weft_by_name);
  return code;
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
  if (length > longest)
    return weft_damaged(error, file, "its header claims %llu bytes, but the limit is %llu", (unsigned long long)length,
                        (unsigned long long)longest);
  if (length > bytes - 8)
    return weft_damaged(error, file, "its header claims %llu bytes, but only %llu follow", (unsigned long long)length,
                        (unsigned long long)(bytes - 8));
  file->data_begin = 8 + length;
  file->data_bytes = bytes - file->data_begin;
  file->header = (char*)malloc(length + 1);
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

static int weft_read_values(const weft_file* file, const weft_file_tensor* tensor, void* values, weft_error* error) {
  if (lseek(file->descriptor, (off_t)(file->data_begin + tensor->begin), SEEK_SET) < 0)
    return weft_fail(error, WEFT_BAD_FILE, "cannot read %.500s: %s", file->path, strerror(errno));
  const size_t bytes = tensor->end - tensor->begin;
  const int code = weft_read(file->descriptor, file->path, values, bytes, error);
  if (code == WEFT_OK && weft_metadata(file, "crc32") && bytes > 0 && weft_crc32(values, bytes, 0) != tensor->checksum)
    return weft_damaged(error, file, "tensor '%.200s' is not what was written (its checksum differs)", tensor->name);
  return code;
}
