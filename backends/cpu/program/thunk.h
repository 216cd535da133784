// Thunks of the steps that run no code from elsewhere.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "backends/cpu/im2col.h"
#include "backends/cpu/onednn/onednn.h"
#include "backends/cpu/threads/parallel.h"
#include "runtime/program/executor.h"

namespace weft::cpu {

using runtime::Thunk;

class KernelThunk final : public Thunk {
 public:
  // With `shares` each thread begins with its chunks there, else with an equal part, in order.
  KernelThunk(const weft_kernel& kernel, int threads, Shares shares)
      : kernel_(kernel), threads_(threads), shares_(std::move(shares)) {}
  void bind(const std::vector<void*>& pointers, void* scratch) override {
    buffers_ = pointers;
    scratch_ = scratch;
  }
  void run() override {
    if (shares_.empty())
      run_kernel(kernel_, buffers_.data(), scratch_, threads_);
    else
      run_kernel(kernel_, buffers_.data(), scratch_, shares_, threads_);
  }
  std::size_t scratch_bytes() const override { return kernel_.scratch_bytes; }
  std::string kind() const override { return "kernel"; }

 private:
  const weft_kernel& kernel_;
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

// A convolution without oneDNN: a generated kernel computes the matmul of each block.
class Im2colThunk final : public Thunk {
 public:
  Im2colThunk(const weft_im2col_step& step, int threads);
  void bind(const std::vector<void*>& pointers, void* scratch) override { blocks_.bind(pointers.data(), scratch); }
  void run() override;
  std::size_t scratch_bytes() const override { return blocks_.scratch_bytes(); }
  std::string kind() const override { return "im2col"; }

 private:
  Im2col blocks_;
  std::vector<void*> kernels_;  // one per thread
};

// A convolution without oneDNN, by two kernels.
class WinogradThunk final : public Thunk {
 public:
  WinogradThunk(const weft_winograd_step& step, int threads) : step_(step), threads_(threads) {}
  void bind(const std::vector<void*>& pointers, void* scratch) override;
  void run() override;
  std::size_t scratch_bytes() const override { return step_.kernels_bytes + step_.result->scratch_bytes; }
  std::string kind() const override { return "winograd"; }

 private:
  const weft_winograd_step& step_;
  int threads_;
  std::vector<void*> transform_, result_;  // their buffers
  std::byte* scratch_ = nullptr;           // of `result`
};

class FillThunk final : public Thunk {
 public:
  explicit FillThunk(const weft_fill_step& work) : work_(work) {}
  void bind(const std::vector<void*>& pointers, void*) override { start_ = static_cast<std::byte*>(pointers.at(0)); }
  void run() override;
  std::string kind() const override { return "fill"; }

 private:
  const weft_fill_step& work_;
  std::byte* start_ = nullptr;
};

class RelayoutThunk final : public Thunk {
 public:
  explicit RelayoutThunk(const weft_relayout_step& work);
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
