// The thunks of a program. Each is made once and bound to its operands before it runs.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "backends/cpu/onednn/onednn.h"
#include "backends/cpu/program/step.h"
#include "backends/cpu/threads/parallel.h"

namespace weft::cpu {

class Thunk {
 public:
  virtual ~Thunk() = default;
  // Operands, then results, in the order of the op.
  virtual void bind(const std::vector<void*>& pointers, void* scratch) = 0;
  virtual void run() = 0;
  virtual std::size_t scratch_bytes() const { return 0; }
  virtual std::string kind() const = 0;
};

class KernelThunk final : public Thunk {
 public:
  // With `shares` each thread runs its chunks there, else equal parts in order.
  KernelThunk(const CompiledKernel& kernel, int threads, Shares shares)
      : kernel_(kernel), threads_(threads), shares_(std::move(shares)) {}
  void bind(const std::vector<void*>& pointers, void* scratch) override {
    buffers_ = pointers;
    scratch_ = scratch;
  }
  void run() override {
    if (shares_.empty())
      run_kernel(kernel_, buffers_.data(), scratch_, threads_);
    else
      run_kernel(kernel_, buffers_.data(), scratch_, shares_);
  }
  std::size_t scratch_bytes() const override { return kernel_.scratch_bytes; }
  std::string kind() const override { return "kernel"; }

 private:
  CompiledKernel kernel_;
  int threads_;
  Shares shares_;
  std::vector<void*> buffers_;
  void* scratch_ = nullptr;
};

class PrimitiveThunk final : public Thunk {
 public:
  explicit PrimitiveThunk(std::unique_ptr<Primitive> primitive) : primitive_(std::move(primitive)) {}
  void bind(const std::vector<void*>& pointers, void* scratch) override { primitive_->bind(pointers.data(), scratch); }
  void run() override { primitive_->run(); }
  std::size_t scratch_bytes() const override { return primitive_->scratch_bytes(); }
  std::string kind() const override { return primitive_->implementation(); }

 private:
  std::unique_ptr<Primitive> primitive_;
};

class FillThunk final : public Thunk {
 public:
  explicit FillThunk(FillStep work) : work_(std::move(work)) {}
  void bind(const std::vector<void*>& pointers, void*) override { start_ = static_cast<std::byte*>(pointers.at(0)); }
  void run() override;
  std::string kind() const override { return "fill"; }

 private:
  FillStep work_;
  std::byte* start_ = nullptr;
};

class RelayoutThunk final : public Thunk {
 public:
  explicit RelayoutThunk(const RelayoutStep& work) : offsets_(ir::memory_offsets(work.layout, work.dims)) {}
  void bind(const std::vector<void*>& pointers, void*) override {
    from_ = static_cast<const float*>(pointers.at(0));
    to_ = static_cast<float*>(pointers.at(1));
  }
  void run() override;
  std::string kind() const override { return "relayout"; }

 private:
  std::vector<std::size_t> offsets_;
  const float* from_ = nullptr;
  float* to_ = nullptr;
};

}  // namespace weft::cpu
