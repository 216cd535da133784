/* Weights on a device: tracks which of the two copies is newer. Without a device there is one copy. */
#include "runtime/artefact/model.h"

/* Call after changing the weights on the host. */
static void weft_changed(weft_model* model) {
  model->is_newer_on_host = 1;
  model->is_newer_on_device = 0;
}

#ifdef WEFT_DEVICE
static int weft_create_memory(weft_model* model, size_t arena, weft_error* error) {
  char text[WEFT_ERROR_BYTES / 2] = "";
  model->memory = weft_device_create(the_artefact.params_bytes, the_artefact.state_bytes, arena, text, sizeof text);
  return model->memory
             ? WEFT_OK
             : weft_fail(error, WEFT_FAILED, "cannot create a model of %s on the GPU: %s", the_artefact.name, text);
}

static void weft_destroy_memory(weft_model* model) {
  if (model->memory) weft_device_destroy(model->memory);
}

/* Call before running a program. */
static int weft_to_device(weft_model* model) {
  char text[WEFT_ERROR_BYTES / 2] = "";
  if (!model->is_newer_on_host && !model->is_shared) return WEFT_OK;
  if (!weft_device_write(model->memory, model->weights.params, model->weights.state, text, sizeof text))
    return weft_fail(&model->error, WEFT_FAILED, "cannot copy the weights to the GPU: %s", text);
  model->is_newer_on_host = 0;
  return WEFT_OK;
}

/* Call before reading the weights on the host. */
static int weft_to_host(weft_model* model) {
  char text[WEFT_ERROR_BYTES / 2] = "";
  if (!model->is_newer_on_device) return WEFT_OK;
  if (!weft_device_read(model->memory, model->weights.params, model->weights.state, text, sizeof text))
    return weft_fail(&model->error, WEFT_FAILED, "cannot copy the weights from the GPU: %s", text);
  model->is_newer_on_device = 0;
  return WEFT_OK;
}
#else
static int weft_create_memory(weft_model* model, size_t arena, weft_error* error) {
  model->memory = aligned_alloc(WEFT_ALIGNMENT, (arena / WEFT_ALIGNMENT + 1) * WEFT_ALIGNMENT);
  return model->memory ? WEFT_OK : weft_no_memory(error, arena, "a model's arena");
}
static void weft_destroy_memory(weft_model* model) { free(model->memory); }
static int weft_to_device(weft_model* model) { return (void)model, WEFT_OK; }
static int weft_to_host(weft_model* model) { return (void)model, WEFT_OK; }
#endif

/* Call after running a program. Copies back what the caller may read between calls. */
static int weft_ran(weft_model* model, const weft_program* program) {
  if (!program->trains) return WEFT_OK;
  ++model->steps;
  model->is_newer_on_device = 1;
  return model->is_shared ? weft_to_host(model) : WEFT_OK;
}
