// What the program needs of a device: memory, generated source made to run, matmuls and convolutions, and a recording
// of a whole step. A GPU (driver.h) is one; the host playing a GPU (emulated_device.h) is another.
//
// Work is done in the order of the calls. Pointers into a device's memory are for the device alone. Every function
// throws Error where the device refuses, with what it was asked for.
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
  std::uint32_t alignment = 4;  // bytes, of its first element
};

// result = activation(a * b + bias): bias is one number a column; activation "" or "relu". Operands: a, b, [bias],
// result. Sums, bias and result are f32.
struct Matmul {
  Matrix a, b, result;
  bool bias = false;
  std::string activation;
  ir::DType dtype = ir::DType::f32;  // of a and b: f32 or bf16
  bool tf32 = false;                 // those of f32 may be rounded to TF32: 10 bits behind the leading one
  std::uint32_t bias_alignment = 4;  // bytes, of its first element
};

// Operands: forward x, w, [bias]; data y, w; weights x, y. Forward alone may have a bias, one number a channel, and
// an activation, "" or "relu".
struct Convolution : ir::ConvolutionShape {
  bool bias = false;
  std::string activation;
  ir::DType dtype = ir::DType::f32;  // of all operands and the result, f32 or bf16; sums are f32
  bool tf32 = false;                 // as of a product
  bool w_last = false;               // w is [O,kH,kW,C/groups] in memory, else [O,C/groups,kH,kW]
};

// A library call made for fixed shapes: the same bits each time it runs.
class Primitive {
 public:
  virtual ~Primitive() = default;
  // Operands, then the result.
  virtual void run(void* const* operands, void* scratch) = 0;
  virtual std::size_t scratch_bytes() const = 0;
  virtual std::string implementation() const = 0;  // what a profile calls it
};

using Function = const void*;  // of a module, that may be launched

// Machine code of a translation unit, for GPUs of an architecture: "sm_90".
struct Code {
  std::string architecture;
  const void* bytes = nullptr;
};

// Source text, compiled and loaded.
class Module {
 public:
  virtual ~Module() = default;
  virtual Function function(const std::string& name) = 0;
};

// Work that was recorded once and is started as one.
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
  virtual void write(void* to, const void* from_host, std::size_t bytes) = 0;  // `from_host` is free on return
  virtual void copy(void* to, const void* from, std::size_t bytes) = 0;        // both on the device
  virtual void read(void* to_host, const void* from, std::size_t bytes) = 0;   // waits for all work before it
  virtual void zero(void* to, std::size_t bytes) = 0;                          // a multiple of 4

  // Before a thread's first call: what follows is asked of this device.
  virtual void enter() = 0;
  // A translation unit as emit.h makes them: `text` in CUDA C++, without includes; compiled where no code of it fits.
  virtual std::unique_ptr<Module> load(const std::string& text, const std::vector<Code>& codes) = 0;
  // arguments[i] points at parameter i.
  virtual void launch(Function function, unsigned blocks, unsigned threads, std::size_t shared_bytes,
                      void** arguments) = 0;
  virtual std::unique_ptr<Primitive> make(const Matmul& product) = 0;
  virtual std::unique_ptr<Primitive> make(const Convolution& convolution) = 0;

  // What `work` asks of the device is recorded, not done. `what`: for the Error of a fault that comes to light after a
  // replay.
  virtual std::unique_ptr<Recording> record(const std::string& what, const std::function<void()>& work) = 0;
  // Does `work` and says how long the device took for it.
  virtual double seconds(const std::function<void()>& work) = 0;
  virtual void synchronise() = 0;
};

}  // namespace weft::cuda
