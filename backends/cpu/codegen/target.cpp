// LLVM's knowledge of the target cpu.
#include <llvm-c/Core.h>
#include <llvm-c/TargetMachine.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/ADT/StringMap.h>
#include <llvm/ADT/StringRef.h>
#include <llvm/TargetParser/X86TargetParser.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <string_view>

#include "backends/cpu/codegen/emit.h"
#include "ir/error.h"

namespace weft::cpu {

namespace {

std::string take(char* text) {
  std::string result = text;
  LLVMDisposeMessage(text);
  return result;
}

// The features by which LLVM selects instructions on its own. Others that a cpu may have (clflushopt, sha, sse4a, ...)
// never appear in generated code, so a machine need not have them. runtime/artefact/cpu.c knows each of these.
constexpr std::string_view kUsed[] = {"sse3",       "ssse3",       "sse4.1",     "sse4.2",       "popcnt",
                                      "avx",        "avx2",        "fma",        "fma4",         "xop",
                                      "tbm",        "f16c",        "bmi",        "bmi2",         "lzcnt",
                                      "movbe",      "gfni",        "avxvnni",    "avxifma",      "avx512f",
                                      "avx512cd",   "avx512bw",    "avx512dq",   "avx512vl",     "avx512ifma",
                                      "avx512vbmi", "avx512vbmi2", "avx512vnni", "avx512bitalg", "avx512vpopcntdq",
                                      "avx512bf16", "avx512fp16",  "egpr",       "push2pop2",    "ppx",
                                      "ndd",        "ccmp"};

std::string known_triple(const std::string& triple) {
  const std::string full =
      take(triple.empty() ? LLVMGetDefaultTargetTriple() : LLVMNormalizeTargetTriple(triple.c_str()));
  const bool is_linux = full.find("-linux-gnu") != std::string::npos;
  if (!is_linux || !(full.starts_with("x86_64-") || full.starts_with("aarch64-")))
    fail("unknown target \"{}\": use x86_64-linux-gnu or aarch64-linux-gnu", triple.empty() ? full : triple);
  return full;
}

std::string known_features(const std::string& cpu) {
  llvm::SmallVector<llvm::StringRef, 64> names;
  llvm::X86::fillValidCPUArchList(names, true);
  if (std::find(names.begin(), names.end(), cpu) == names.end())
    fail("unknown cpu \"{}\": use native, x86-64-v3, x86-64-v4 or a name that LLVM knows, such as znver4", cpu);
  llvm::SmallVector<llvm::StringRef, 64> features;
  llvm::X86::getFeaturesForCPU(cpu, features);
  llvm::StringMap<bool> all;  // including implied ones
  for (const llvm::StringRef each : features) {
    all[each] = true;
    llvm::X86::updateImpliedFeatures(each, true, all);
  }
  std::set<std::string> sorted;
  for (const auto& each : all)
    if (each.getValue()) sorted.insert("+" + each.getKey().str());
  std::string result;
  for (const std::string& each : sorted) result += (result.empty() ? "" : ",") + each;
  return result;
}

}  // namespace

MachineTarget find_target(const std::string& cpu, const std::string& triple) {
  MachineTarget target;
  target.triple = known_triple(triple);
  if (target.triple.starts_with("aarch64")) {
    if (cpu != "native" && cpu != "generic") fail("cpu \"{}\": aarch64 supports only \"generic\"", cpu);
    target.cpu = "generic";
    target.vector_width = 4;
    target.vector_registers = 32;
    return target;
  }
  target.cpu = cpu == "native" ? take(LLVMGetHostCPUName()) : cpu;
  target.features = cpu == "native" ? take(LLVMGetHostCPUFeatures()) : known_features(cpu);
  const std::string list = "," + target.features + ",";
  const auto has = [&](const std::string& feature) { return list.find(",+" + feature + ",") != std::string::npos; };
  if (!has("avx2") || !has("fma"))
    fail("cpu \"{}\" lacks AVX2 or FMA, which kernels need: the minimum is x86-64-v3", target.cpu);
  target.avx512 = has("avx512bw") && has("avx512dq") && has("avx512vl");
  target.vector_width = target.avx512 ? 16 : 8;
  target.vector_registers = target.avx512 ? 32 : 16;
  return target;
}

std::vector<std::string> required_features(const MachineTarget& target) {
  std::vector<std::string> required;
  std::istringstream features(target.features);
  for (std::string each; std::getline(features, each, ',');)
    if (each.starts_with('+') && std::ranges::count(kUsed, each.substr(1)) != 0) required.push_back(each.substr(1));
  return required;
}

}  // namespace weft::cpu
