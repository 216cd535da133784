// Thunks of steps, and the recording.
#include "backends/cuda/program/executor.h"

#include <utility>

#include "backends/cuda/program/thunk.h"
#include "ir/error.h"

namespace weft::cuda {

using runtime::Thunk;

namespace {

struct Maker {
  using Made = std::unique_ptr<Thunk>;
  Device& device;
  Module* module;

  Made operator()(const weft_launches_step& table) const {
    return std::make_unique<KernelThunk>(table, device, *module);
  }
  Made operator()(const weft_matmul_step& table) const { return std::make_unique<PrimitiveThunk>(device.make(table)); }
  Made operator()(const weft_convolution_step& table) const {
    return std::make_unique<PrimitiveThunk>(device.make(table));
  }
  Made operator()(const weft_fill_step& table) const { return std::make_unique<FillThunk>(table, device); }
  template <typename Other>
  Made operator()(const Other&) const {
    return nullptr;
  }
};

}  // namespace

std::unique_ptr<Thunk> make_thunk(const weft_step& step, Device& device, Module* module) {
  auto made = runtime::visit_table<std::unique_ptr<Thunk>>(step, Maker{device, module});
  if (!made) fail("an artefact for GPUs cannot run step {}", step.name);
  return made;
}

Executor::Executor(const weft_program& program, runtime::Thunks items, Device& device, std::string what,
                   Describe describe)
    : device_(device),
      steps_(program, std::move(items),
             [&device](std::size_t bytes) -> std::shared_ptr<void> {
               return {device.allocate(bytes), [&device](void* memory) { device.release(memory); }};
             }),
      what_(std::move(what)),
      describe_(std::move(describe)) {}

void Executor::bind(std::byte* arena, void* const* inputs, void* const* outputs) {
  steps_.bind(arena, inputs, outputs);
  recording_.reset();
}

void Executor::run() {
  if (!std::exchange(has_run_, true)) return run_first();
  if (!recording_) recording_ = recorded();
  try {
    recording_->replay();
  } catch (const Error& error) {
    fail("{} failed to run: {}", what_, error.what());
  }
}

// Runs step by step: libraries load their code, which must not happen during recording, and waiting after each step
// attributes a fault to it.
void Executor::run_first() const {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    run_step(i);
    at_step(i, [&] { device_.synchronise(); });
  }
}

std::unique_ptr<Recording> Executor::recorded() const {
  try {
    return device_.record(what_, [this] {
      for (std::size_t i = 0; i < steps_.size(); ++i) run_step(i);
    });
  } catch (const Error& error) {
    fail("{} failed to record: {}", what_, error.what());
  }
}

void Executor::run_step(std::size_t step) const {
  at_step(step, [&] { steps_.item(step).run(); });
}

double Executor::seconds(std::size_t step) const {
  double seconds = 0;
  at_step(step, [&] { seconds = device_.seconds([&] { steps_.item(step).run(); }); });
  return seconds;
}

template <typename Body>
void Executor::at_step(std::size_t step, Body body) const {
  try {
    body();
  } catch (const Error& error) {
    fail("{}", describe_(step, error.what()));
  }
}

}  // namespace weft::cuda
