// What a program needs from a device: memory, compilation of generated source, matmuls and convolutions, and recording
// a whole step. A GPU implements it (driver.h), and so does the host in place of a GPU (emulated_device.h).
//
// Work runs in call order. Only the device may follow pointers into its memory. Every function throws Error if the
// device refuses, with the request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ir/contraction.h"
#include "ir/type.h"

namespace weft::cuda {

inline constexpr std::size_t kDeviceAlignment = 256;  // bytes: of memory and scratch
constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + kDeviceAlignment - 1) / kDeviceAlignment * kDeviceAlignment;
}

// A [rows, columns] matrix with one dim dense: element (i, j) is at i * row_stride + j * column_stride.
struct Matrix {
  std::int64_t rows = 0, columns = 0;
  std::int64_t row_stride = 0, column_stride = 0;
  std::uint32_t alignment = 4;  // of its first element, in bytes
};

// result = activation(a * b + bias): bias has one number per column; activation is "" or "relu". Operands: a, b,
// [bias], result. Sums, bias and result are f32.
struct Matmul {
  Matrix a, b, result;
  bool bias = false;
  std::string activation;
  ir::DType dtype = ir::DType::f32;  // of a and b: f32 or bf16
  bool tf32 = false;                 // f32 operands may be rounded to TF32: 10 bits behind the leading one
  std::uint32_t bias_alignment = 4;  // of its first element, in bytes
};

// Operands: forward x, w, [bias]; data y, w; weights x, y. Only forward may have a bias, one number per channel, and an
// activation, "" or "relu".
struct Convolution : ir::ConvolutionShape {
  bool bias = false;
  std::string activation;
  ir::DType dtype = ir::DType::f32;  // of all operands and the result, f32 or bf16; sums are f32
  bool tf32 = false;                 // as in Matmul
  bool w_last = false;               // w is [O,kH,kW,C/groups] in memory, else [O,C/groups,kH,kW]
};

// A library call made for fixed shapes. It computes the same bits on every run.
class Primitive {
 public:
  virtual ~Primitive() = default;
  // Operands, then the result.
  virtual void run(void* const* operands, void* scratch) = 0;
  virtual std::size_t scratch_bytes() const = 0;
  virtual std::string implementation() const = 0;  // its name in profiles
};

using Function = const void*;  // a launchable function of a module

// Machine code of a translation unit for GPUs of one architecture: "sm_90".
struct Code {
  std::string architecture;
  const void* bytes = nullptr;
};

// Compiled and loaded source text.
class Module {
 public:
  virtual ~Module() = default;
  virtual Function function(const std::string& name) = 0;
};

// Recorded work that one call starts.
class Recording {
 public:
  virtual ~Recording() = default;
  virtual void replay() = 0;
};

struct DeviceMemory {
  std::size_t free = 0, total = 0;  // bytes
};

class Device {
 public:
  virtual ~Device() = default;
  virtual std::string name() const = 0;
  virtual DeviceMemory memory() const = 0;

  virtual void* allocate(std::size_t bytes) = 0;  // zeroed, at kDeviceAlignment
  virtual void release(void* memory) noexcept = 0;
  virtual void write(void* to, const void* from_host, std::size_t bytes) = 0;  // `from_host` may be reused on return
  virtual void copy(void* to, const void* from, std::size_t bytes) = 0;        // both on the device
  virtual void read(void* to_host, const void* from, std::size_t bytes) = 0;   // waits for all earlier work
  virtual void zero(void* to, std::size_t bytes) = 0;                          // `bytes`: a multiple of 4

  // Call before a thread's first call: makes this the thread's device.
  virtual void enter() = 0;
  // Loads a translation unit of emit.h: `text` in CUDA C++, without includes, is compiled if no given machine code
  // fits.
  virtual std::unique_ptr<Module> load(const std::string& text, const std::vector<Code>& codes) = 0;
  // arguments[i] points at parameter i.
  virtual void launch(Function function, unsigned blocks, unsigned threads, std::size_t shared_bytes,
                      void** arguments) = 0;
  virtual std::unique_ptr<Primitive> make(const Matmul& matmul) = 0;
  virtual std::unique_ptr<Primitive> make(const Convolution& convolution) = 0;

  // Records the calls of `work` instead of running them. `what` names the recording in the Error of a fault that
  // appears after a replay.
  virtual std::unique_ptr<Recording> record(const std::string& what, const std::function<void()>& work) = 0;
  // Runs `work` and returns the device time it took.
  virtual double seconds(const std::function<void()>& work) = 0;
  virtual void synchronise() = 0;
};

}  // namespace weft::cuda
