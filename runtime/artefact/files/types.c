/* Element types, in their order in files: widest first. */
#include "runtime/artefact/model.h"

typedef struct {
  const char* name; /* in files */
  const char* word; /* in messages */
  weft_dtype dtype;
  size_t bytes;
} weft_dtype_row;

static const weft_dtype_row weft_dtypes[] = {{"F32", "f32", WEFT_F32, 4},    {"I32", "i32", WEFT_I32, 4},
                                             {"BF16", "bf16", WEFT_BF16, 2}, {"F16", "f16", WEFT_F16, 2},
                                             {"U8", "u8", WEFT_U8, 1},       {"BOOL", "bool", WEFT_BOOL, 1}};

static const weft_dtype_row* weft_row_of(weft_dtype dtype) {
  const weft_dtype_row* row = weft_dtypes;
  while (row->dtype != dtype) ++row;
  return row;
}

/* The row of a name in files; null if Weft does not read it. */
static const weft_dtype_row* weft_find_dtype(const char* name) {
  for (size_t i = 0; i < sizeof weft_dtypes / sizeof *weft_dtypes; ++i)
    if (strcmp(weft_dtypes[i].name, name) == 0) return &weft_dtypes[i];
  return NULL;
}
