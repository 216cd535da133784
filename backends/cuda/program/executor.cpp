// Thunks of steps, their memory, and the recording.
#include "backends/cuda/program/executor.h"

#include <algorithm>
#include <utility>

#include "ir/error.h"

namespace weft::cuda {

namespace {

struct Maker {
  Device& device;
  Module* module;

  std::unique_ptr<Thunk> operator()(const KernelStep& body) const {
    return std::make_unique<KernelThunk>(body, *module);
  }
  std::unique_ptr<Thunk> operator()(const Matmul& body) const {
    return std::make_unique<PrimitiveThunk>(device.make(body));
  }
  std::unique_ptr<Thunk> operator()(const Convolution& body) const {
    return std::make_unique<PrimitiveThunk>(device.make(body));
  }
  std::unique_ptr<Thunk> operator()(const FillStep& body) const { return std::make_unique<FillThunk>(body); }
};

}  // namespace

std::unique_ptr<Thunk> make_thunk(const Step& step, Device& device, Module* module) {
  return std::visit(Maker{device, module}, step.body);
}

Executor::Executor(const std::vector<Step>& steps, std::vector<std::unique_ptr<Thunk>> items, Device& device,
                   std::string what, Describe describe)
    : device_(device), what_(std::move(what)), describe_(std::move(describe)) {
  std::size_t most = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::size_t bytes = items[i]->scratch_bytes();
    const bool own = bytes > steps[i].scratch_bytes;
    if (own) most = std::max(most, bytes);
    entries_.push_back({std::move(items[i]), steps[i].addresses, steps[i].scratch_offset, own});
  }
  if (most > 0) own_scratch_ = static_cast<std::byte*>(device.allocate(most));
}

Executor::~Executor() {
  if (own_scratch_) device_.release(own_scratch_);
}

void Executor::bind(std::byte* arena, void* const* inputs, void* const* outputs) {
  for (const Entry& entry : entries_) {
    std::vector<void*> pointers;
    for (const Address& address : entry.addresses) pointers.push_back(address.in(arena, inputs, outputs));
    entry.item->bind(pointers, entry.own_scratch ? own_scratch_ : arena + entry.scratch_offset);
  }
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
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    run_step(i);
    at_step(i, [&] { device_.synchronise(); });
  }
}

std::unique_ptr<Recording> Executor::recorded() const {
  try {
    return device_.record(what_, [this] {
      for (std::size_t i = 0; i < entries_.size(); ++i) run_step(i);
    });
  } catch (const Error& error) {
    fail("{} failed to record: {}", what_, error.what());
  }
}

void Executor::run_step(std::size_t step) const {
  at_step(step, [&] { entries_[step].item->run(device_); });
}

double Executor::seconds(std::size_t step) const {
  double seconds = 0;
  at_step(step, [&] { seconds = device_.seconds([&] { entries_[step].item->run(device_); }); });
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
