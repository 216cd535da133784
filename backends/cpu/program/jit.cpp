// Object files of kernels, linked into this process by ORC.
#include "backends/cpu/program/jit.h"

#include <llvm-c/Core.h>
#include <llvm-c/Error.h>
#include <llvm-c/LLJIT.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <thread>
#include <unordered_map>

#include "backends/cpu/codegen/llvm_memory.h"
#include "backends/cpu/program/code_key.h"
#include "ir/error.h"

namespace weft::cpu {

namespace {

void require(LLVMErrorRef error) {
  if (!error) return;
  char* message = LLVMGetErrorMessage(error);
  const std::string text = message;
  LLVMDisposeErrorMessage(message);
  throw InternalError(fmt::format("internal error: LLVM: {} (this is a bug in Weft, please report it)", text));
}

}  // namespace

weft_kernel without_code(const KernelFacts& facts) {
  return {facts.name.c_str(), nullptr, nullptr, facts.chunks, facts.scratch_bytes, facts.work_ns};
}

namespace {

const std::string& name_of(const KernelSource& source) {
  return std::visit([](const auto& each) -> const std::string& { return each.name; }, source);
}

}  // namespace

struct Jit::Impl {
  explicit Impl(const std::string& cpu) : target(find_target(cpu)) {}
  ~Impl() {
    const InLlvm inside;
    if (jit) LLVMConsumeError(LLVMOrcDisposeLLJIT(jit));
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void load(const std::vector<char>& object) {
    LLVMMemoryBufferRef buffer = LLVMCreateMemoryBufferWithMemoryRangeCopy(object.data(), object.size(), "kernels");
    require(LLVMOrcLLJITAddObjectFile(jit, LLVMOrcLLJITGetMainJITDylib(jit), buffer));
  }

  template <typename Function>
  Function look_up(const std::string& name) {
    LLVMOrcExecutorAddress address = 0;
    require(LLVMOrcLLJITLookup(jit, &address, name.c_str()));
    return reinterpret_cast<Function>(address);
  }

  MachineTarget target;
  LLVMOrcLLJITRef jit = nullptr;
  // Of the sources from `first` on, those whose code differs from all before them.
  std::vector<std::size_t> find_fresh(std::size_t first) {
    std::vector<std::size_t> fresh;
    for (std::size_t i = first; i < sources.size(); ++i) {
      same_code.push_back(by_code.try_emplace(code_key(sources[i]), i).first->second);
      if (same_code[i] == i) fresh.push_back(i);
    }
    return fresh;
  }

  std::deque<KernelSource> sources;                      // kernels have their names
  std::vector<std::size_t> same_code;                    // by source: the first source with the same code
  std::unordered_map<std::string, std::size_t> by_code;  // code_key -> that first one
  std::vector<weft_kernel> compiled;
};

Jit::Jit(const std::string& cpu) : impl_(std::make_unique<Impl>(cpu)) {}
Jit::~Jit() = default;
Jit::Jit(Jit&&) noexcept = default;
Jit& Jit::operator=(Jit&&) noexcept = default;

int Jit::add(KernelSource source) {
  impl_->sources.push_back(std::move(source));
  return size() - 1;
}

int Jit::size() const { return int(impl_->sources.size()); }
const MachineTarget& Jit::target() const { return impl_->target; }
const weft_kernel& Jit::kernel(int index) const { return impl_->compiled.at(std::size_t(index)); }

namespace {

struct Share {
  std::vector<const KernelSource*> sources;
  std::vector<char> object;
  std::vector<KernelFacts> facts;
  std::exception_ptr error;

  void build(const MachineTarget& target) {
    try {
      const InLlvm inside;
      EmittedModule module(target);
      for (const KernelSource* source : sources) module.add(*source);
      module.optimise();
      object = module.object(false);
      facts = module.facts();
    } catch (...) {
      error = std::current_exception();
    }
  }
};

// One module per thread.
void build_all(std::vector<Share>& shares, const MachineTarget& target) {
  std::vector<std::jthread> others;  // joined also if a later thread cannot start
  for (std::size_t i = 1; i < shares.size(); ++i) others.emplace_back([&, i] { shares[i].build(target); });
  shares[0].build(target);
  for (std::jthread& each : others) each.join();
  for (const Share& share : shares)
    if (share.error) std::rethrow_exception(share.error);
}

}  // namespace

void Jit::compile(int threads) {
  const std::size_t first = impl_->compiled.size();
  if (impl_->sources.size() == first) return;
  const std::vector<std::size_t> fresh = impl_->find_fresh(first);
  const std::size_t count = fresh.size();
  std::vector<Share> shares(std::min(std::size_t(std::max(threads, 1)), count));
  for (std::size_t i = 0; i < count; ++i) shares[i % shares.size()].sources.push_back(&impl_->sources[fresh[i]]);
  if (!shares.empty()) build_all(shares, impl_->target);
  const InLlvm inside;
  if (!impl_->jit) require(LLVMOrcCreateLLJIT(&impl_->jit, nullptr));
  for (const Share& share : shares) impl_->load(share.object);
  impl_->compiled.resize(impl_->sources.size());
  for (std::size_t i = 0; i < count; ++i) {
    const KernelFacts& facts = shares[i % shares.size()].facts[i / shares.size()];
    weft_kernel& kernel = impl_->compiled[fresh[i]] = without_code(facts);
    kernel.run = impl_->look_up<weft_kernel_run>(facts.name);
    if (facts.has_finish) kernel.finish = impl_->look_up<weft_kernel_finish>(facts.name + "_finish");
  }
  for (std::size_t i = first; i < impl_->sources.size(); ++i) {
    impl_->compiled[i] = impl_->compiled[impl_->same_code[i]];
    impl_->compiled[i].name = name_of(impl_->sources[i]).c_str();
  }
}

}  // namespace weft::cpu
