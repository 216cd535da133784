// Generated CUDA kernels run as plain C++: compiled by the host's compiler over backends/cuda/emulation/emulate.h and
// loaded.
#pragma once

#include <string>
#include <vector>

#include "backends/cuda/codegen/emit.h"

namespace weft::test {

class Emulation {
 public:
  // Compiles and loads the kernels' translation unit; throws Error with the compiler's words where it does not compile.
  explicit Emulation(const std::vector<cuda::EmittedKernel>& kernels);
  ~Emulation();
  Emulation(const Emulation&) = delete;
  Emulation& operator=(const Emulation&) = delete;

  // All launches. Scratch is made for the run, filled with NaN and guarded; returns whether the guard held.
  bool run(const cuda::EmittedKernel& kernel, const std::vector<void*>& buffers) const;
  const std::string& source() const { return source_; }

 private:
  std::string source_;
  void* library_ = nullptr;
  void (*launch_)(const char*, unsigned, unsigned, std::size_t, void**) = nullptr;
};

}  // namespace weft::test
