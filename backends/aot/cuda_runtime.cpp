// Runs the programs of an artefact for GPUs (runtime/artefact/tables.h specifies each function). A model's weights are
// on the device; the host's copy is synchronised when the model asks.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>

#include "backends/cuda/program/executor.h"
#ifdef WEFT_EMULATED_DEVICE
#include "backends/cuda/emulation/emulated_device.h"
#else
#include "backends/cuda/device/driver.h"
#endif

namespace weft::cuda {

namespace {

// The device has one work queue: models on different threads take turns.
std::mutex& turn() {
  static std::mutex mutex;
  return mutex;
}

Device& device() {
#ifdef WEFT_EMULATED_DEVICE
  static const std::shared_ptr<Device> opened = make_emulated_device();
#else
  static const std::shared_ptr<Device> opened = open_gpu(false);
#endif
  return *opened;
}

// Zeroed memory on the device.
class Memory {
 public:
  explicit Memory(std::size_t bytes) : start_(static_cast<std::byte*>(device().allocate(bytes))) {}
  ~Memory() { device().release(start_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  std::byte* start() const { return start_; }

 private:
  std::byte* start_;
};

}  // namespace

}  // namespace weft::cuda

using weft::cuda::aligned;
using weft::cuda::device;
using weft::cuda::turn;

struct weft_device {
  weft_device(std::size_t params_bytes, std::size_t state_bytes, std::size_t arena_bytes)
      : sizes{params_bytes, state_bytes},
        memory(aligned(params_bytes) + aligned(state_bytes) + arena_bytes),
        params(memory.start()),
        state(params + aligned(params_bytes)),
        arena(state + aligned(state_bytes)) {}

  std::size_t sizes[2];
  weft::cuda::Memory memory;
  std::byte *params, *state, *arena;
};

// One program on the device. The caller's buffers and the small inputs have fixed memory there.
struct weft_executor {
  weft_executor(const weft_program& table, weft_device& location) : program(table), ports(bytes_of_ports(table)) {
    if (*table.source) module = device().load(table.source, {table.codes, std::size_t(table.code_count)});
    weft::runtime::Thunks items;
    for (int i = 0; i < table.step_count; ++i)
      items.push_back(weft::cuda::make_thunk(table.steps[i], device(), module.get()));
    executor.emplace(table, std::move(items), device(), table.entry,
                     [&table](std::size_t step, const std::string& what) {
                       return std::string(table.steps[step].name) + ": " + what;
                     });
    std::byte* next = ports.start();
    for (int i = 0; i < table.input_count; ++i) inputs.push_back(place(table.inputs[i], location, next));
    for (int i = 0; i < table.output_count; ++i) outputs.push_back(place(table.outputs[i], location, next));
    executor->bind(location.arena, inputs.data(), outputs.data());
  }

  static bool is_kept(const weft_port& port) { return port.role == WEFT_PARAM || port.role == WEFT_STATE; }
  static std::size_t bytes_of_ports(const weft_program& table) {
    std::size_t bytes = 0;
    for (int i = 0; i < table.input_count; ++i)
      bytes += is_kept(table.inputs[i]) ? 0 : aligned(table.inputs[i].type.bytes);
    for (int i = 0; i < table.output_count; ++i)
      bytes += is_kept(table.outputs[i]) ? 0 : aligned(table.outputs[i].type.bytes);
    return bytes;
  }
  static void* place(const weft_port& port, const weft_device& location, std::byte*& next) {
    if (port.role == WEFT_PARAM) return location.params + port.offset;
    if (port.role == WEFT_STATE) return location.state + port.offset;
    std::byte* const at = next;
    next += aligned(port.type.bytes);
    return at;
  }

  const weft_program& program;
  std::unique_ptr<weft::cuda::Module> module;
  std::optional<weft::cuda::Executor> executor;
  weft::cuda::Memory ports;            // freed before the code, which waits for the last run
  std::vector<void*> inputs, outputs;  // on the device
};

namespace {

// Runs `body` on the device, in turn; writes the text of an exception to `error`.
template <typename Body>
bool on_device(char* error, std::size_t error_bytes, const Body& body) {
  const std::lock_guard<std::mutex> lock(turn());
  try {
    device().enter();
    body();
    return true;
  } catch (const std::exception& exception) {
    std::snprintf(error, error_bytes, "%s", exception.what());
  }
  return false;
}

}  // namespace

extern "C" weft_device* weft_device_create(std::size_t params_bytes, std::size_t state_bytes, std::size_t arena_bytes,
                                           char* error, std::size_t error_bytes) {
  weft_device* made = nullptr;
  on_device(error, error_bytes, [&] { made = new weft_device(params_bytes, state_bytes, arena_bytes); });
  return made;
}

extern "C" void weft_device_destroy(weft_device* memory) {
  on_device(nullptr, 0, [&] { delete memory; });
}

extern "C" int weft_device_write(weft_device* memory, const void* params, const void* state, char* error,
                                 std::size_t error_bytes) {
  return on_device(error, error_bytes, [&] {
    device().write(memory->params, params, memory->sizes[0]);
    device().write(memory->state, state, memory->sizes[1]);
  });
}

extern "C" int weft_device_read(weft_device* memory, void* params, void* state, char* error, std::size_t error_bytes) {
  return on_device(error, error_bytes, [&] {
    device().read(params, memory->params, memory->sizes[0]);
    device().read(state, memory->state, memory->sizes[1]);
  });
}

extern "C" weft_executor* weft_executor_create(const weft_program* program, void* memory, int, char* error,
                                               std::size_t error_bytes) {
  weft_executor* made = nullptr;
  on_device(error, error_bytes, [&] { made = new weft_executor(*program, *static_cast<weft_device*>(memory)); });
  return made;
}

// Copies the caller's buffers in and out; outputs are complete on return.
extern "C" int weft_executor_run(weft_executor* executor, const weft_parallel_for*, void* const* inputs,
                                 void* const* outputs, char* error, std::size_t error_bytes) {
  const weft_program& program = executor->program;
  return on_device(error, error_bytes, [&] {
    for (int i = 0; i < program.input_count; ++i)
      if (!weft_executor::is_kept(program.inputs[i]))
        device().write(executor->inputs[std::size_t(i)], inputs[i], program.inputs[i].type.bytes);
    executor->executor->run();
    for (int i = 0; i < program.output_count; ++i)
      if (!weft_executor::is_kept(program.outputs[i]))
        device().read(outputs[i], executor->outputs[std::size_t(i)], program.outputs[i].type.bytes);
  });
}

extern "C" void weft_executor_destroy(weft_executor* executor) {
  on_device(nullptr, 0, [&] { delete executor; });
}
