// Kernels to LLVM IR, and that to text, assembly or an object file. No LLVM header is seen from here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backends/kernel/kernel.h"

namespace weft::cpu {

struct MachineTarget {
  std::string cpu;       // LLVM's name: "znver4", "x86-64-v3"
  std::string features;  // LLVM's list, "" for the cpu's own
  int vector_width = 8;  // f32 lanes in one register: 16 with AVX-512, else 8
  bool avx512 = false;
};

// "native", or a name of LLVM's for x86-64 ("x86-64-v3", "x86-64-v4", "znver4", ...). Error for a name it does not
// know, and for a cpu without AVX2 and FMA.
MachineTarget find_target(const std::string& cpu);

// What a caller of an emitted kernel must know besides its symbols, which are NAME and NAME_finish.
struct KernelFacts {
  std::string name;
  std::int64_t chunks = 0;
  std::size_t scratch_bytes = 0;
  int buffers = 0;
  bool has_finish = false;
  double work_ns = 0;
};

// An LLVM module holding the given kernels. Independent modules may be used on different threads.
class EmittedModule {
 public:
  EmittedModule(const std::vector<const kernel::Kernel*>& kernels, const MachineTarget& target);
  ~EmittedModule();
  EmittedModule(EmittedModule&&) noexcept;
  EmittedModule& operator=(EmittedModule&&) noexcept;

  const std::vector<KernelFacts>& facts() const;
  void optimise();
  std::string llvm_text() const;
  std::string assembly();              // after optimise()
  std::vector<char> object(bool pic);  // after optimise(); an ELF object file, position independent on request

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The optimised text of one kernel, for the dumps.
std::string llvm_text(const kernel::Kernel& kernel, const std::string& cpu = "native");
std::string assembly_text(const kernel::Kernel& kernel, const std::string& cpu = "native");

}  // namespace weft::cpu
