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
#include <span>
#include <string>
#include <vector>

#include "ir/integer.h"
#include "runtime/program/fields.h"

namespace weft::cuda {

inline constexpr std::size_t kDeviceAlignment = 256;  // bytes: of memory and scratch
constexpr std::size_t aligned(std::size_t bytes) {
  return std::size_t(round_up(std::int64_t(bytes), std::int64_t(kDeviceAlignment)));
}

using Matrix = weft_matrix;  // with one dim dense
using Matmul = weft_matmul_step;
using Convolution = weft_convolution_step;  // sums are f32; the layout of the weights is "" or kChannelsLast
using Code = weft_code;

inline constexpr const char* kChannelsLast = "ohwi";  // ir/memory_layout.h
inline bool has_channels_last_weights(const Convolution& convolution) { return *convolution.weights_layout != '\0'; }

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
  virtual std::unique_ptr<Module> load(const std::string& text, std::span<const Code> codes) = 0;
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
