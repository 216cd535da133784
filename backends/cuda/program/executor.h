// Runs the steps of a program on a device: one by one the first time, then as one recording.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "backends/cuda/device/device.h"
#include "runtime/program/executor.h"

namespace weft::cuda {

// `module`: the program's loaded source, which must outlive this, as must the step; null if no step is a kernel.
std::unique_ptr<runtime::Thunk> make_thunk(const weft_step& step, Device& device, Module* module);

class Executor {
 public:
  // The text of an Error at a step, from its index and the reason.
  using Describe = std::function<std::string(std::size_t step, const std::string& reason)>;

  // `what` names the program in errors. The device must outlive this.
  Executor(const weft_program& program, runtime::Thunks items, Device& device, std::string what, Describe describe);

  // The device addresses of the arena, the inputs and the outputs.
  void bind(std::byte* arena, void* const* inputs, void* const* outputs);
  // May return before the work is done.
  void run();

  std::size_t size() const { return steps_.size(); }
  const runtime::Thunk& item(std::size_t step) const { return steps_.item(step); }
  double seconds(std::size_t step) const;  // runs only this step

 private:
  template <typename Body>
  void at_step(std::size_t step, Body body) const;  // describes the errors of `body`
  void run_first() const;
  void run_step(std::size_t step) const;
  std::unique_ptr<Recording> recorded() const;

  Device& device_;
  runtime::Executor steps_;
  std::string what_;
  Describe describe_;
  bool has_run_ = false;
  std::unique_ptr<Recording> recording_;  // of all steps as they are bound
};

}  // namespace weft::cuda
