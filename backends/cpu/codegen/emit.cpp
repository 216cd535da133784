// Modules of kernels: emission, LLVM's passes, text and object files.
#include "backends/cpu/codegen/emit.h"

#include <llvm-c/Analysis.h>
#include <llvm-c/Support.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>

#include <mutex>

#include "backends/cpu/codegen/code.h"
#include "backends/cpu/codegen/kernel.h"
#include "backends/cpu/codegen/llvm_memory.h"
#include "backends/cpu/codegen/plan.h"
#include "backends/cpu/codegen/products/matmul.h"
#include "backends/cpu/codegen/products/winograd.h"
#include "ir/error.h"

namespace weft::cpu {

namespace {

// The emitter writes vectors and loops in final form; LLVM only cleans up.
constexpr const char* kPasses =
    "function(sroa,early-cse,instcombine<no-verify-fixpoint>,simplifycfg,loop-mssa(licm),gvn,instcombine<no-verify-"
    "fixpoint>)";

std::string take_message(char* message) {
  std::string text = message ? message : "";
  LLVMDisposeMessage(message);
  return text;
}

[[noreturn]] void fail_llvm(const std::string& what) {
  throw InternalError(fmt::format("internal error: LLVM: {} (this is a bug in Weft, please report it)", what));
}

void initialise_llvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNativeTarget();
    LLVMInitializeNativeAsmPrinter();
    LLVMInitializeNativeAsmParser();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
    // Addresses already have the form that loops want (see Evaluator::place); LLVM's loop strength reduction took a
    // third of the time.
    const char* options[] = {"weft", "-disable-lsr"};
    LLVMParseCommandLineOptions(2, options, nullptr);
  });
}

LLVMTargetMachineRef make_machine(const MachineTarget& target, bool pic) {
  LLVMTargetRef llvm_target = nullptr;
  char* message = nullptr;
  if (LLVMGetTargetFromTriple(target.triple.c_str(), &llvm_target, &message)) fail_llvm(take_message(message));
  LLVMTargetMachineRef machine = LLVMCreateTargetMachine(
      llvm_target, target.triple.c_str(), target.cpu.c_str(), target.features.c_str(), LLVMCodeGenLevelDefault,
      pic ? LLVMRelocPIC : LLVMRelocStatic, pic ? LLVMCodeModelDefault : LLVMCodeModelJITDefault);
  if (!machine) fail_llvm("no machine for " + target.triple);
  return machine;
}

}  // namespace

struct EmittedModule::Impl {
  explicit Impl(const MachineTarget& machine_target) : target(machine_target) {
    initialise_llvm();
    context = LLVMContextCreate();
    module = LLVMModuleCreateWithNameInContext("weft", context);
    machine = make_machine(target, false);
    LLVMSetTarget(module, take_message(LLVMGetTargetMachineTriple(machine)).c_str());
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
    LLVMSetModuleDataLayout(module, layout);
    LLVMDisposeTargetData(layout);
  }
  ~Impl() {
    LLVMDisposeModule(module);
    LLVMContextDispose(context);
    LLVMDisposeTargetMachine(machine);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  LLVMMemoryBufferRef generate(LLVMCodeGenFileType type, bool pic) {
    LLVMTargetMachineRef used = pic ? make_machine(target, true) : machine;
    LLVMMemoryBufferRef buffer = nullptr;
    char* message = nullptr;
    const bool failed = LLVMTargetMachineEmitToMemoryBuffer(used, module, type, &message, &buffer);
    if (pic) LLVMDisposeTargetMachine(used);
    if (failed) fail_llvm(take_message(message));
    return buffer;
  }

  MachineTarget target;
  LLVMContextRef context = nullptr;
  LLVMModuleRef module = nullptr;
  LLVMTargetMachineRef machine = nullptr;
  std::vector<KernelFacts> facts;
};

EmittedModule::EmittedModule(const MachineTarget& target) : impl_(std::make_unique<Impl>(target)) {}

EmittedModule::EmittedModule(const std::vector<const kernel::Kernel*>& kernels, const MachineTarget& target)
    : EmittedModule(target) {
  for (const kernel::Kernel* kernel : kernels) add(*kernel);
}

void EmittedModule::add(const kernel::Kernel& kernel) {
  Code code(impl_->context, impl_->module, impl_->target);
  const Plan plan = make_plan(kernel, impl_->target.vector_width);
  emit_run(code, kernel, plan);
  const bool finish = has_finish(kernel);
  if (finish) emit_finish(code, kernel, plan);
  impl_->facts.push_back({kernel.name, plan.chunks(), plan.scratch_bytes, finish, plan.work_ns});
}

void EmittedModule::add(const Matmul& matmul) {
  Code code(impl_->context, impl_->module, impl_->target);
  const MatmulPlan plan = make_matmul_plan(matmul, impl_->target);
  emit_matmul(code, matmul.name, plan);
  impl_->facts.push_back({matmul.name, plan.chunks(), plan.scratch_bytes(), false, plan.work_ns});
}

void EmittedModule::add(const Winograd& winograd) {
  Code code(impl_->context, impl_->module, impl_->target);
  const WinogradPlan plan = make_winograd_plan(winograd, impl_->target);
  emit_winograd(code, plan);
  const bool finish = winograd.part == WinogradPart::weights;
  impl_->facts.push_back({winograd.name, plan.chunks, plan.scratch_bytes(), finish, plan.work_ns});
}

void EmittedModule::add(const KernelSource& source) {
  std::visit([this](const auto& each) { add(each); }, source);
}

EmittedModule::~EmittedModule() = default;
EmittedModule::EmittedModule(EmittedModule&&) noexcept = default;
EmittedModule& EmittedModule::operator=(EmittedModule&&) noexcept = default;

const std::vector<KernelFacts>& EmittedModule::facts() const { return impl_->facts; }

void EmittedModule::optimise() {
  char* complaint = nullptr;
  if (LLVMVerifyModule(impl_->module, LLVMReturnStatusAction, &complaint)) fail_llvm(take_message(complaint));
  LLVMDisposeMessage(complaint);
  LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
  LLVMErrorRef error = LLVMRunPasses(impl_->module, kPasses, impl_->machine, options);
  LLVMDisposePassBuilderOptions(options);
  if (!error) return;
  char* message = LLVMGetErrorMessage(error);
  const std::string text = message;
  LLVMDisposeErrorMessage(message);
  fail_llvm(text);
}

std::string EmittedModule::llvm_text() const { return take_message(LLVMPrintModuleToString(impl_->module)); }

namespace {

template <typename Result>
Result take_buffer(LLVMMemoryBufferRef buffer) {
  const char* begin = LLVMGetBufferStart(buffer);
  Result result(begin, begin + LLVMGetBufferSize(buffer));
  LLVMDisposeMemoryBuffer(buffer);
  return result;
}

}  // namespace

std::string EmittedModule::assembly() { return take_buffer<std::string>(impl_->generate(LLVMAssemblyFile, false)); }
std::vector<char> EmittedModule::object(bool pic) {
  return take_buffer<std::vector<char>>(impl_->generate(LLVMObjectFile, pic));
}

std::string llvm_text(const KernelSource& source, const std::string& cpu) {
  const InLlvm inside;
  EmittedModule module(find_target(cpu));
  module.add(source);
  module.optimise();
  return module.llvm_text();
}

std::string assembly_text(const KernelSource& source, const std::string& cpu) {
  const InLlvm inside;
  EmittedModule module(find_target(cpu));
  module.add(source);
  module.optimise();
  return module.assembly();
}

}  // namespace weft::cpu
