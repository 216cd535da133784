/* The header of a safetensors file (runtime/safetensors.h). */
#include "runtime/artefact/model.h"

/* Widest elements first, then by name. */
static int weft_in_file_order(const void* a, const void* b) {
  const weft_file_tensor *x = (const weft_file_tensor*)a, *y = (const weft_file_tensor*)b;
  const weft_dtype_row *x_dtype = weft_find_dtype(x->dtype), *y_dtype = weft_find_dtype(y->dtype);
  if (x_dtype != y_dtype) return x_dtype < y_dtype ? -1 : 1;
  return strcmp(x->name, y->name);
}

/* Brings entries into the order of files, each after the one before: sets `begin` and `end`. */
static void weft_arrange(weft_file_tensor* entries, size_t count) {
  uint64_t at = 0;
  if (count) qsort(entries, count, sizeof *entries, weft_in_file_order);
  for (size_t i = 0; i < count; ++i) {
    entries[i].begin = at;
    entries[i].end = at += entries[i].elements * weft_find_dtype(entries[i].dtype)->bytes;
  }
}

/* The value of the metadata `crc32`; `pairs` are all others, `entries` are in order. */
static void weft_append_checksums(weft_text* text, const weft_pair* pairs, size_t pair_count,
                                  const weft_file_tensor* entries, size_t count) {
  weft_append(text, "%08x", (unsigned)weft_header_sum(pairs, pair_count, entries, count));
  for (size_t i = 0; i < count; ++i)
    if (entries[i].elements > 0) weft_append(text, " %08x", (unsigned)entries[i].checksum);
}

static void weft_append_metadata(weft_text* header, const weft_pair* pairs, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    weft_append(header, i == 0 ? "\"__metadata__\":{" : ",");
    weft_append_quoted(header, pairs[i].key);
    weft_append(header, ":");
    weft_append_quoted(header, pairs[i].value);
  }
  if (count) weft_append(header, "}");
}

static void weft_append_tensor(weft_text* header, const weft_file_tensor* tensor) {
  weft_append_quoted(header, tensor->name);
  weft_append(header, ":{\"dtype\":\"%s\",\"shape\":[", tensor->dtype);
  for (int i = 0; i < tensor->rank; ++i) weft_append(header, "%s%lld", i ? "," : "", (long long)tensor->dims[i]);
  weft_append(header, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)tensor->begin,
              (unsigned long long)tensor->end);
}

/* `entries` are in order. Spaces at the end let the data begin at a multiple of 8 bytes. */
static void weft_append_header(weft_text* header, const weft_pair* pairs, size_t pair_count,
                               const weft_file_tensor* entries, size_t count) {
  weft_append(header, "{");
  weft_append_metadata(header, pairs, pair_count);
  for (size_t i = 0; i < count; ++i) {
    if (i > 0 || pair_count > 0) weft_append(header, ",");
    weft_append_tensor(header, &entries[i]);
  }
  weft_append(header, "}");
  while (header->size % 8 != 0 && !header->failed) weft_append(header, " ");
}
