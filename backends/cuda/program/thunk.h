// The thunks of a program. Each is made once and bound to its operands before it runs.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backends/cuda/device/device.h"
#include "backends/cuda/program/step.h"

namespace weft::cuda {

class Thunk {
 public:
  virtual ~Thunk() = default;
  // Operands, then results, in the order of the op.
  virtual void bind(const std::vector<void*>& pointers, void* scratch) = 0;
  virtual void run(Device& device) = 0;
  virtual std::size_t scratch_bytes() const { return 0; }
  virtual std::string kind() const = 0;
};

// Launches of generated or hand-written source.
class KernelThunk final : public Thunk {
 public:
  KernelThunk(const KernelStep& work, Module& module) : scratch_bytes_(work.scratch_bytes) {
    for (const Launch& launch : work.launches) launches_.emplace_back(launch, module.function(launch.function));
  }
  void bind(const std::vector<void*>& pointers, void* scratch) override {
    parameters_ = pointers;
    parameters_.push_back(scratch);
    arguments_.clear();
    for (void*& parameter : parameters_) arguments_.push_back(static_cast<void*>(&parameter));
  }
  void run(Device& device) override {
    for (const auto& [launch, function] : launches_)
      device.launch(function, launch.blocks, launch.threads, launch.shared_bytes, arguments_.data());
  }
  std::size_t scratch_bytes() const override { return scratch_bytes_; }
  std::string kind() const override { return "kernel"; }

 private:
  std::vector<std::pair<Launch, Function>> launches_;
  std::size_t scratch_bytes_;
  std::vector<void*> parameters_, arguments_;  // a launch's parameters: the second points at the first
};

class PrimitiveThunk final : public Thunk {
 public:
  explicit PrimitiveThunk(std::unique_ptr<Primitive> operation) : primitive_(std::move(operation)) {}
  void bind(const std::vector<void*>& pointers, void* scratch) override {
    pointers_ = pointers;
    scratch_ = scratch;
  }
  void run(Device&) override { primitive_->run(pointers_.data(), scratch_); }
  std::size_t scratch_bytes() const override { return primitive_->scratch_bytes(); }
  std::string kind() const override { return primitive_->implementation(); }

 private:
  std::unique_ptr<Primitive> primitive_;
  std::vector<void*> pointers_;
  void* scratch_ = nullptr;
};

class FillThunk final : public Thunk {
 public:
  explicit FillThunk(FillStep work) : work_(std::move(work)) {}
  void bind(const std::vector<void*>& pointers, void*) override { start_ = static_cast<std::byte*>(pointers.at(0)); }
  void run(Device& device) override {
    for (const passes::Gap& gap : work_.gaps) device.zero(start_ + gap.offset, gap.bytes);
  }
  std::string kind() const override { return "fill"; }

 private:
  FillStep work_;
  std::byte* start_ = nullptr;
};

}  // namespace weft::cuda
