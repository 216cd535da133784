// Kernels to LLVM IR, and from there to text, assembly or an object file. Pulls in no LLVM header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "backends/cpu/matmul.h"
#include "backends/cpu/winograd.h"
#include "ir/kernel/kernel.h"

namespace weft::cpu {

// The target of a module.
using KernelSource = std::variant<kernel::Kernel, Matmul, Winograd>;

struct MachineTarget {
  std::string triple;    // LLVM's, of four parts: "x86_64-pc-linux-gnu"
  std::string cpu;       // LLVM's name: "znver4", "x86-64-v3"
  std::string features;  // LLVM's list; "" for the cpu's default
  int vector_width = 8;  // f32 lanes in one register: 16 with AVX-512, 8 with AVX2, 4 on aarch64
  int vector_registers = 16;
  bool avx512 = false;
};

// `cpu` is "native" or an LLVM name for x86-64 ("x86-64-v3", "x86-64-v4", "znver4", ...). `triple` is "" for this
// machine, or "x86_64-linux-gnu" or "aarch64-linux-gnu", in three parts or four; on aarch64 "native" means "generic".
// Throws Error for unknown names, and for a cpu without AVX2 and FMA.
MachineTarget find_target(const std::string& cpu, const std::string& triple = "");

// The features beyond the architecture's minimum that code for the target may use, by LLVM's names ("avx2",
// "avx512bw"): any machine with these features runs it. Empty on aarch64.
std::vector<std::string> required_features(const MachineTarget& target);

// What the caller of an emitted kernel must know besides its symbols, NAME and NAME_finish.
struct KernelFacts {
  std::string name;
  std::int64_t chunks = 0;
  std::size_t scratch_bytes = 0;
  bool has_finish = false;
  double work_ns = 0;
};

// An LLVM module of kernels. Different threads may use different modules.
class EmittedModule {
 public:
  explicit EmittedModule(const MachineTarget& target);
  EmittedModule(const std::vector<const kernel::Kernel*>& kernels, const MachineTarget& target);
  ~EmittedModule();
  EmittedModule(EmittedModule&&) noexcept;
  EmittedModule& operator=(EmittedModule&&) noexcept;

  void add(const kernel::Kernel& kernel);
  void add(const Matmul& matmul);
  void add(const Winograd& winograd);
  void add(const KernelSource& source);
  const std::vector<KernelFacts>& facts() const;  // in the order they were added
  void optimise();
  std::string llvm_text() const;
  std::string assembly();              // after optimise()
  std::vector<char> object(bool pic);  // after optimise(); an ELF object file, position independent on request

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The optimised text of one kernel, for dumps.
std::string llvm_text(const KernelSource& source, const std::string& cpu = "native");
std::string assembly_text(const KernelSource& source, const std::string& cpu = "native");

}  // namespace weft::cpu
