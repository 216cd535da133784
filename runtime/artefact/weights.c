/* Memory and initialisation of the weights, bit for bit as State::init of runtime/state.cpp. */
#include "runtime/artefact/model.h"

static size_t weft_rounded(size_t bytes) { return (bytes + WEFT_ALIGNMENT - 1) / WEFT_ALIGNMENT * WEFT_ALIGNMENT; }

/* The next aligned offset at or after it. */
static unsigned char* weft_aligned(void* memory) {
  unsigned char* at = memory;
  return at + (WEFT_ALIGNMENT - (uintptr_t)at % WEFT_ALIGNMENT) % WEFT_ALIGNMENT;
}

/* Zeroed pages, which the system allocates on first use. */
static int weft_make_weights(const weft_artefact* artefact, weft_weights* weights, weft_error* error) {
  const size_t bytes = weft_rounded(artefact->params_bytes) + artefact->state_bytes + WEFT_ALIGNMENT;
  weights->memory = calloc(1, bytes);
  if (!weights->memory) return weft_no_memory(error, bytes, "weights");
  weights->params = weft_aligned(weights->memory);
  weights->state = weights->params + weft_rounded(artefact->params_bytes);
  return WEFT_OK;
}

/* Takes over new weights. The model's memory stays in place, because the caller may hold pointers to it. */
static void weft_replace_weights(const weft_artefact* artefact, weft_weights* weights, weft_weights fresh) {
  if (!weights->memory) {
    *weights = fresh;
    return;
  }
  memcpy(weights->params, fresh.params, artefact->params_bytes);
  memcpy(weights->state, fresh.state, artefact->state_bytes);
  free(fresh.memory);
}

/* Call before writing to the weights: copies embedded ones. */
static int weft_own_weights(const weft_artefact* artefact, weft_weights* weights, weft_error* error) {
  if (weights->memory) return WEFT_OK;
  weft_weights own = {NULL, NULL, NULL};
  const int code = weft_make_weights(artefact, &own, error);
  if (code != WEFT_OK) return code;
  memcpy(own.params, weights->params, artefact->params_bytes);
  memcpy(own.state, weights->state, artefact->state_bytes);
  *weights = own;
  return WEFT_OK;
}

/* FNV-1a, as in ir/hash.h. */
static uint64_t weft_hash_of(const char* text) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (; *text; ++text) hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
  return hash;
}

static double weft_draw(const weft_tensor* tensor, uint64_t seed, uint64_t name, uint32_t element) {
  enum { WEFT_INIT_STREAM = 0x696e6974 };
  switch (tensor->init) {
    case WEFT_INIT_NONE:
      return 0;
    case WEFT_INIT_CONSTANT:
      return tensor->init_a;
    case WEFT_INIT_UNIFORM: {
      const weft_random_block block = weft_philox(seed, WEFT_INIT_STREAM, name, element);
      return tensor->init_a + (tensor->init_b - tensor->init_a) * weft_uniform(block.word[0]);
    }
    case WEFT_INIT_NORMAL: {
      const weft_random_block block = weft_philox(seed, WEFT_INIT_STREAM, name, element);
      return tensor->init_a + tensor->init_b * weft_normal(block.word[0], block.word[1]);
    }
  }
  return 0;
}

/* The weights are zero before the call. */
static int weft_init_tensor(const weft_tensor* tensor, const weft_weights* weights, uint64_t seed, weft_error* error) {
  if (tensor->init == WEFT_INIT_NONE || (tensor->init == WEFT_INIT_CONSTANT && tensor->init_a == 0)) return WEFT_OK;
  void* values = malloc(tensor->type.bytes ? tensor->type.bytes : 1);
  if (!values) return weft_no_memory(error, tensor->type.bytes, tensor->name);
  const uint64_t name = weft_hash_of(tensor->name);
  const size_t count = weft_elements(&tensor->type);
  for (size_t i = 0; i < count; ++i) {
    const double value = weft_draw(tensor, seed, name, (uint32_t)i);
    if (tensor->type.dtype == WEFT_F32) {
      ((float*)values)[i] = (float)value;
    } else {
      ((int32_t*)values)[i] = (int32_t)value; /* params and state are f32 or i32 */
    }
  }
  const int code = weft_put(tensor, weights, values, error);
  free(values);
  return code;
}

/* Initialises all tensors or, with `optimizer`, only those of the optimizer. */
static int weft_init_weights(const weft_artefact* artefact, const weft_weights* weights, uint64_t seed, int optimizer,
                             weft_error* error) {
  int code = WEFT_OK;
  for (int i = 0; i < artefact->tensor_count && code == WEFT_OK; ++i)
    if (!optimizer || artefact->tensors[i].of_optimizer)
      code = weft_init_tensor(&artefact->tensors[i], weights, seed, error);
  return code;
}

static int weft_call_init(weft_model* model, uint64_t seed) {
  weft_weights fresh = {NULL, NULL, NULL};
  int code = weft_make_weights(&the_artefact, &fresh, &model->error);
  if (code != WEFT_OK) return code;
  code = weft_init_weights(&the_artefact, &fresh, seed, 0, &model->error);
  if (code != WEFT_OK) {
    free(fresh.memory);
    return code;
  }
  weft_replace_weights(&the_artefact, &model->weights, fresh);
  weft_changed(model);
  model->seed = seed;
  model->steps = 0;
  return WEFT_OK;
}

WEFT_API int WEFT_NAME(init)(weft_model* model, uint64_t seed) {
  const int code = weft_enter(model, "init");
  return code == WEFT_OK ? weft_leave(model, weft_call_init(model, seed)) : code;
}

static int weft_open_regions(weft_model* model) {
  model->is_shared = 1;
  const int code = weft_own_weights(&the_artefact, &model->weights, &model->error);
  return code == WEFT_OK ? weft_to_host(model) : code;
}

WEFT_API void* WEFT_NAME(params)(weft_model* model) {
  if (weft_enter(model, "params") != WEFT_OK) return NULL;
  return weft_leave(model, weft_open_regions(model)) == WEFT_OK ? model->weights.params : NULL;
}
WEFT_API void* WEFT_NAME(state)(weft_model* model) {
  if (weft_enter(model, "state") != WEFT_OK) return NULL;
  return weft_leave(model, weft_open_regions(model)) == WEFT_OK ? model->weights.state : NULL;
}
