// The thunks of a program on a device.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backends/cuda/device/device.h"
#include "runtime/program/executor.h"

namespace weft::cuda {

using runtime::Thunk;

// Launches of generated or hand-written source.
class KernelThunk final : public Thunk {
 public:
  KernelThunk(const weft_launches_step& work, Device& device, Module& module) : work_(work), device_(device) {
    for (int i = 0; i < work.launch_count; ++i) functions_.push_back(module.function(work.launches[i].function));
  }
  void bind(const std::vector<void*>& pointers, void* scratch) override {
    parameters_ = pointers;
    parameters_.push_back(scratch);
    arguments_.clear();
    for (void*& parameter : parameters_) arguments_.push_back(static_cast<void*>(&parameter));
  }
  void run() override {
    for (std::size_t i = 0; i < functions_.size(); ++i) {
      const weft_launch& launch = work_.launches[i];
      device_.launch(functions_[i], launch.blocks, launch.threads, launch.shared_bytes, arguments_.data());
    }
  }
  std::size_t scratch_bytes() const override { return work_.scratch_bytes; }
  std::string kind() const override { return "kernel"; }

 private:
  const weft_launches_step& work_;
  Device& device_;
  std::vector<Function> functions_;            // by launch
  std::vector<void*> parameters_, arguments_;  // a launch's parameters: the second points at the first
};

class PrimitiveThunk final : public Thunk {
 public:
  explicit PrimitiveThunk(std::unique_ptr<Primitive> primitive) : primitive_(std::move(primitive)) {}
  void bind(const std::vector<void*>& pointers, void* scratch) override {
    pointers_ = pointers;
    scratch_ = scratch;
  }
  void run() override { primitive_->run(pointers_.data(), scratch_); }
  std::size_t scratch_bytes() const override { return primitive_->scratch_bytes(); }
  std::string kind() const override { return primitive_->implementation(); }

 private:
  std::unique_ptr<Primitive> primitive_;
  std::vector<void*> pointers_;
  void* scratch_ = nullptr;
};

class FillThunk final : public Thunk {
 public:
  FillThunk(const weft_fill_step& work, Device& device) : work_(work), device_(device) {}
  void bind(const std::vector<void*>& pointers, void*) override { start_ = static_cast<std::byte*>(pointers.at(0)); }
  void run() override {
    for (int i = 0; i < work_.gap_count; ++i) device_.zero(start_ + work_.gaps[i].offset, work_.gaps[i].bytes);
  }
  std::string kind() const override { return "fill"; }

 private:
  const weft_fill_step& work_;
  Device& device_;
  std::byte* start_ = nullptr;
};

}  // namespace weft::cuda
