/* Runs an entry on the caller's buffers. */
#include "runtime/artefact/model.h"

/* --- The program ------------------------------------------------------------------------------------------------- */

static int weft_is_first_of_entry(int program) {
  for (int i = 0; i < program; ++i)
    if (strcmp(the_artefact.programs[i].entry, the_artefact.programs[program].entry) == 0) return 0;
  return 1;
}

/* The index of the program of an entry at a batch; -1 and a message if there is none. */
static int weft_find_program(const char* entry, int64_t batch, weft_error* error) {
  int has_entry = 0;
  for (int i = 0; entry && i < the_artefact.program_count; ++i) {
    if (strcmp(the_artefact.programs[i].entry, entry) != 0) continue;
    if (the_artefact.programs[i].batch == batch) return i;
    has_entry = 1;
  }
  if (has_entry) {
    weft_fail(error, WEFT_BAD_ARGUMENT, "%s at batch %lld: it was compiled for batches of", entry, (long long)batch);
  } else {
    weft_fail(error, WEFT_BAD_ARGUMENT, "%s has no entry '%.100s'; it has", the_artefact.name,
              entry ? entry : "(null)");
  }
  const char* separator = " ";
  for (int i = 0; i < the_artefact.program_count; ++i) {
    const weft_program* program = &the_artefact.programs[i];
    if (has_entry && strcmp(program->entry, entry) == 0) {
      weft_add(error, "%s%lld", separator, (long long)program->batch);
    } else if (!has_entry && weft_is_first_of_entry(i)) {
      weft_add(error, "%s%s", separator, program->entry);
    } else {
      continue;
    }
    separator = ", ";
  }
  if (has_entry) weft_add(error, "; run it in those, or add the batch to --batch of weft compile");
  return -1;
}

static int weft_writes_weights(const weft_program* program) {
  for (int i = 0; i < program->output_count; ++i)
    if (program->outputs[i].role == WEFT_PARAM || program->outputs[i].role == WEFT_STATE) return 1;
  return 0;
}

/* Makes what the first run of a program needs and later runs reuse. */
static int weft_prepare(weft_model* model, int program) {
  char text[WEFT_ERROR_BYTES / 2] = "";
  if (weft_writes_weights(&the_artefact.programs[program])) {
    const int code = weft_own_weights(&the_artefact, &model->weights, &model->error);
    if (code != WEFT_OK) return code;
  }
  if (model->executors[program]) return WEFT_OK;
  model->executors[program] =
      weft_executor_create(&the_artefact.programs[program], model->memory, model->threads, text, sizeof text);
  if (model->executors[program]) return WEFT_OK;
  return weft_fail(&model->error, WEFT_FAILED, "cannot prepare %s at batch %lld: %s",
                   the_artefact.programs[program].entry, (long long)the_artefact.programs[program].batch, text);
}

/* --- Buffers ----------------------------------------------------------------------------------------------------- */

static int weft_check_buffer(const weft_program* program, const weft_port* port, const void* buffer, size_t bytes,
                             weft_error* error) {
  const weft_dtype_row* dtype = weft_row_of(port->type.dtype);
  weft_error type = {""};
  if (buffer && (uintptr_t)buffer % dtype->bytes == 0 && bytes >= port->type.bytes) return WEFT_OK;
  weft_add_type(&type, dtype->word, port->type.rank, port->type.dims);
  if (!buffer)
    return weft_fail(error, WEFT_BAD_ARGUMENT, "%s at batch %lld: the buffer of %s, %.200s, is null", program->entry,
                     (long long)program->batch, port->name, type.text);
  if ((uintptr_t)buffer % dtype->bytes != 0)
    return weft_fail(error, WEFT_BAD_ARGUMENT,
                     "%s at batch %lld: the buffer of %s, %.200s, is misaligned: %p is not a multiple of %zu",
                     program->entry, (long long)program->batch, port->name, type.text, buffer, dtype->bytes);
  return weft_fail(error, WEFT_BAD_ARGUMENT,
                   "%s at batch %lld: the buffer of %s is short: %.200s takes %zu bytes, it has %zu", program->entry,
                   (long long)program->batch, port->name, type.text, port->type.bytes, bytes);
}

/* The memory of a port that the model owns. */
static void* weft_own_memory(weft_model* model, const weft_port* port) {
  switch (port->role) {
    case WEFT_PARAM:
      return model->weights.params + port->offset;
    case WEFT_STATE:
      return model->weights.state + port->offset;
    case WEFT_RNG:
      return model->random;
    case WEFT_HYPER:
      return &model->hypers[port->offset];
    case WEFT_DATA:
      break;
  }
  return NULL;
}

/* Binds the inputs or the outputs: the caller's buffers in turn, and the model's memory. */
static int weft_bind(weft_model* model, const weft_program* program, const weft_port* ports, int count,
                     const void* const* buffers, const size_t* bytes, void** pointers) {
  int next = 0;
  for (int i = 0; i < count; ++i) {
    pointers[i] = weft_own_memory(model, &ports[i]);
    if (ports[i].role != WEFT_DATA) continue;
    if (!buffers || !bytes)
      return weft_fail(&model->error, WEFT_BAD_ARGUMENT,
                       "%s at batch %lld: the list of buffers for %s and so on is null", program->entry,
                       (long long)program->batch, ports[i].name);
    const int code = weft_check_buffer(program, &ports[i], buffers[next], bytes[next], &model->error);
    if (code != WEFT_OK) return code;
    pointers[i] = (void*)buffers[next++];
  }
  return WEFT_OK;
}

static int weft_overlap(const void* a, size_t a_bytes, const void* b, size_t b_bytes) {
  return (uintptr_t)a < (uintptr_t)b + b_bytes && (uintptr_t)b < (uintptr_t)a + a_bytes;
}

/* An output must not share memory with another buffer of the caller. */
static int weft_check_overlaps(const weft_program* program, void* const* inputs, void* const* outputs,
                               weft_error* error) {
  for (int i = 0; i < program->output_count; ++i) {
    const weft_port* output = &program->outputs[i];
    if (output->role != WEFT_DATA) continue;
    const int ports = program->input_count + i;
    for (int j = 0; j < ports; ++j) {
      const int is_input = j < program->input_count;
      const weft_port* other = is_input ? &program->inputs[j] : &program->outputs[j - program->input_count];
      const void* memory = is_input ? inputs[j] : outputs[j - program->input_count];
      if (other->role == WEFT_DATA && weft_overlap(outputs[i], output->type.bytes, memory, other->type.bytes))
        return weft_fail(error, WEFT_BAD_ARGUMENT, "%s at batch %lld: the buffers of %s and %s overlap", program->entry,
                         (long long)program->batch, other->name, output->name);
    }
  }
  return WEFT_OK;
}

/* --- The interface ----------------------------------------------------------------------------------------------- */

static int weft_call_prepare(weft_model* model, const char* entry, int64_t batch) {
  const int program = weft_find_program(entry, batch, &model->error);
  return program < 0 ? WEFT_BAD_ARGUMENT : weft_prepare(model, program);
}

WEFT_API int WEFT_NAME(prepare)(weft_model* model, const char* entry, int64_t batch) {
  const int code = weft_enter(model, "prepare");
  return code == WEFT_OK ? weft_leave(model, weft_call_prepare(model, entry, batch)) : code;
}

static int weft_call_run(weft_model* model, const char* entry, int64_t batch, const void* const* inputs,
                         const size_t* input_bytes, void* const* outputs, const size_t* output_bytes) {
  const int index = weft_find_program(entry, batch, &model->error);
  if (index < 0) return WEFT_BAD_ARGUMENT;
  const weft_program* program = &the_artefact.programs[index];
  int code = weft_prepare(model, index);
  void** in = model->pointers;
  void** out = model->pointers + program->input_count;
  if (code == WEFT_OK) code = weft_bind(model, program, program->inputs, program->input_count, inputs, input_bytes, in);
  if (code == WEFT_OK)
    code = weft_bind(model, program, program->outputs, program->output_count, (const void* const*)outputs, output_bytes,
                     out);
  if (code == WEFT_OK) code = weft_check_overlaps(program, in, out, &model->error);
  if (code != WEFT_OK) return code;
  model->random[0] = model->seed;
  model->random[1] = program->trains ? model->steps : model->random_step;
  code = weft_to_device(model);
  if (code != WEFT_OK) return code;
  char text[WEFT_ERROR_BYTES / 2] = "";
  if (!weft_executor_run(model->executors[index], model->own.parallel_for ? &model->own : NULL, in, out, text,
                         sizeof text))
    return weft_fail(&model->error, WEFT_FAILED, "%s at batch %lld failed during the run: %s", entry, (long long)batch,
                     text);
  return weft_ran(model, program);
}

WEFT_API int WEFT_NAME(run)(weft_model* model, const char* entry, int64_t batch, const void* const* inputs,
                            const size_t* input_bytes, void* const* outputs, const size_t* output_bytes) {
  const int code = weft_enter(model, "run");
  return code == WEFT_OK
             ? weft_leave(model, weft_call_run(model, entry, batch, inputs, input_bytes, outputs, output_bytes))
             : code;
}
