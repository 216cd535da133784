/* Tensors that are not row-major (ir/memory_layout.h): where their elements lie, and copies from and to the row-major
 * order of files. */
#include "runtime/artefact/model.h"

static size_t weft_elements(const weft_type* type) { return type->bytes / weft_row_of(type->dtype)->bytes; }

/* The position of an element is a sum of one offset per dim. The lists of offsets follow each other, dims[0] +
 * dims[1] + ... numbers. */
static void weft_find_places(const weft_type* type, const weft_layout* layout, size_t* places) {
  size_t* of_dim[WEFT_MAX_RANK];
  size_t taken[WEFT_MAX_RANK], stride = 1, count = 0;
  for (int dim = 0; dim < type->rank; ++dim) {
    of_dim[dim] = places + count;
    count += (size_t)type->dims[dim];
    taken[dim] = 1;
  }
  memset(places, 0, count * sizeof *places);
  /* Splits an index into digits of mixed radix, from the fastest: the blocks from last to first, then the outer dims.
   */
  for (int i = layout->block_count + type->rank; i-- > 0;) {
    const int is_block = i >= type->rank;
    const int dim = is_block ? layout->block_dim[i - type->rank] : layout->order[i];
    const size_t size = (size_t)type->dims[dim];
    const size_t radix = is_block ? (size_t)layout->block_size[i - type->rank] : size / taken[dim];
    for (size_t index = 0; index < size; ++index) of_dim[dim][index] += index / taken[dim] % radix * stride;
    taken[dim] *= radix;
    stride *= radix;
  }
}

/* Copies a tensor of 4-byte elements from its layout to row-major or, with `laying`, back. */
static void weft_copy_laid(const weft_type* type, const size_t* places, const uint32_t* from, uint32_t* to,
                           int laying) {
  int64_t index[WEFT_MAX_RANK] = {0};
  const size_t elements = weft_elements(type);
  for (size_t i = 0; i < elements; ++i) {
    size_t place = 0;
    const size_t* of_dim = places;
    for (int dim = 0; dim < type->rank; of_dim += type->dims[dim++]) place += of_dim[index[dim]];
    if (laying) {
      to[place] = from[i];
    } else {
      to[i] = from[place];
    }
    for (int dim = type->rank; dim-- > 0 && ++index[dim] == type->dims[dim];) index[dim] = 0;
  }
}

static unsigned char* weft_memory_of(const weft_tensor* tensor, const weft_weights* weights) {
  return (tensor->role == WEFT_PARAM ? weights->params : weights->state) + tensor->offset;
}

static int weft_copy_tensor(const weft_tensor* tensor, const void* from, void* to, int laying, weft_error* error) {
  if (tensor->layout.rank == 0) {
    memcpy(to, from, tensor->type.bytes);
    return WEFT_OK;
  }
  size_t count = 0;
  for (int dim = 0; dim < tensor->type.rank; ++dim) count += (size_t)tensor->type.dims[dim];
  size_t* places = malloc(count * sizeof *places);
  if (!places) return weft_no_memory(error, count * sizeof *places, "a layout");
  weft_find_places(&tensor->type, &tensor->layout, places);
  weft_copy_laid(&tensor->type, places, from, to, laying);
  free(places);
  return WEFT_OK;
}

/* Copies row-major values into a model's memory, and out of it. */
static int weft_put(const weft_tensor* tensor, const weft_weights* weights, const void* values, weft_error* error) {
  return weft_copy_tensor(tensor, values, weft_memory_of(tensor, weights), 1, error);
}
static int weft_get(const weft_tensor* tensor, const weft_weights* weights, void* values, weft_error* error) {
  return weft_copy_tensor(tensor, weft_memory_of(tensor, weights), values, 0, error);
}
