// Runs the steps of a program on a device: one by one the first time, then as one recording.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "backends/cuda/program/step.h"
#include "backends/cuda/program/thunk.h"

namespace weft::cuda {

// `module`: the program's loaded source, which must outlive this; null if no step is a kernel.
std::unique_ptr<Thunk> make_thunk(const Step& step, Device& device, Module* module);

class Executor {
 public:
  // The text of an Error at a step, from its index and the reason.
  using Describe = std::function<std::string(std::size_t step, const std::string& reason)>;

  // `steps` with their addresses; `what` names the program in errors. The device must outlive this. Thunks that need
  // more scratch than their step has, because it was planned without this device, get separate memory.
  Executor(const std::vector<Step>& steps, std::vector<std::unique_ptr<Thunk>> items, Device& device, std::string what,
           Describe describe);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // The device addresses of the arena, the inputs and the outputs.
  void bind(std::byte* arena, void* const* inputs, void* const* outputs);
  // May return before the work is done.
  void run();

  std::size_t size() const { return entries_.size(); }
  const Thunk& item(std::size_t step) const { return *entries_[step].item; }
  double seconds(std::size_t step) const;  // runs only this step

 private:
  struct Entry {
    std::unique_ptr<Thunk> item;
    std::vector<Address> addresses;
    std::size_t scratch_offset = 0;
    bool own_scratch = false;
  };
  template <typename Body>
  void at_step(std::size_t step, Body body) const;  // describes the errors of `body`
  void run_first() const;
  void run_step(std::size_t step) const;
  std::unique_ptr<Recording> recorded() const;

  std::vector<Entry> entries_;
  Device& device_;
  std::string what_;
  Describe describe_;
  std::byte* own_scratch_ = nullptr;
  bool has_run_ = false;
  std::unique_ptr<Recording> recording_;  // of all entries as they are bound
};

}  // namespace weft::cuda
