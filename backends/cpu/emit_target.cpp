// What LLVM knows of the cpu that code is emitted for.
#include <llvm-c/Core.h>
#include <llvm-c/TargetMachine.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/ADT/StringRef.h>
#include <llvm/TargetParser/X86TargetParser.h>

#include "backends/cpu/emit.h"
#include "ir/error.h"

namespace weft::cpu {

namespace {

std::string take(char* text) {
  std::string result = text;
  LLVMDisposeMessage(text);
  return result;
}

std::string known_features(const std::string& cpu) {
  llvm::SmallVector<llvm::StringRef, 64> names;
  llvm::X86::fillValidCPUArchList(names, true);
  if (std::find(names.begin(), names.end(), cpu) == names.end())
    fail("unknown cpu \"{}\": use native, x86-64-v3, x86-64-v4 or a name that LLVM knows, such as znver4", cpu);
  llvm::SmallVector<llvm::StringRef, 64> features;
  llvm::X86::getFeaturesForCPU(cpu, features, true);
  std::string result;
  for (const llvm::StringRef each : features) result += (result.empty() ? "" : ",") + each.str();
  return result;
}

}  // namespace

MachineTarget find_target(const std::string& cpu) {
  MachineTarget target;
  target.cpu = cpu == "native" ? take(LLVMGetHostCPUName()) : cpu;
  target.features = cpu == "native" ? take(LLVMGetHostCPUFeatures()) : known_features(cpu);
  const std::string list = "," + target.features + ",";
  const auto has = [&](const std::string& feature) { return list.find(",+" + feature + ",") != std::string::npos; };
  if (!has("avx2") || !has("fma"))
    fail("cpu \"{}\" lacks AVX2 or FMA, which kernels need: the least is x86-64-v3", target.cpu);
  target.avx512 = has("avx512bw") && has("avx512dq") && has("avx512vl");  // LLVM leaves out what these imply
  target.vector_width = target.avx512 ? 16 : 8;
  return target;
}

}  // namespace weft::cpu
