/* Calls of a model's functions: one thread at a time, and what the last one said. */
#include "runtime/artefact/model.h"

/* The message of calls without a model. */
static _Thread_local weft_error weft_thread_error;

/* The model that refused this thread's last call because another thread was using it (and owns its message); or null.
 */
static _Thread_local const struct weft_model* weft_refused;

static int weft_no_model(const char* function) {
  return weft_fail(&weft_thread_error, WEFT_BAD_ARGUMENT, "%s: the model is null", function);
}

/* Begins a call on a model; every successful begin ends with weft_leave. The flag is an int because not every target
 * has atomic bytes. */
static int weft_enter(weft_model* model, const char* function) {
  if (!model) return weft_no_model(function);
  if (__atomic_exchange_n(&model->is_busy, 1, __ATOMIC_ACQUIRE)) {
    weft_refused = model;
    return WEFT_BUSY;
  }
  if (weft_refused == model) weft_refused = NULL;
  weft_clear(&model->error);
  return WEFT_OK;
}

static int weft_leave(weft_model* model, int code) {
  __atomic_store_n(&model->is_busy, 0, __ATOMIC_RELEASE);
  return code;
}

WEFT_API const char* WEFT_NAME(error)(const weft_model* model) {
  if (model && model == weft_refused)
    return "another thread is using this model: use a model from one thread at a time, or create one for each thread";
  return model ? model->error.text : weft_thread_error.text;
}
