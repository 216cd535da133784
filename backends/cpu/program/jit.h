// Compiles kernels to machine code in this process, by LLVM's ORC. Pulls in no LLVM header.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/cpu/codegen/emit.h"
#include "backends/cpu/threads/parallel.h"
#include "ir/kernel/kernel.h"

namespace weft::cpu {

// The facts about a kernel besides its code; its name is that of `facts`.
weft_kernel without_code(const KernelFacts& facts);

// The kernels' code lives as long as the Jit. Kernel names must be unique within one Jit.
class Jit {
 public:
  explicit Jit(const std::string& cpu = "native");  // see find_target (emit.h)
  ~Jit();
  Jit(Jit&&) noexcept;
  Jit& operator=(Jit&&) noexcept;

  int add(KernelSource source);  // returns its index
  // Compiles everything added since the last call, on up to `threads` threads.
  void compile(int threads = 1);
  const weft_kernel& kernel(int index) const;  // after `compile`
  int size() const;
  const MachineTarget& target() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::cpu
