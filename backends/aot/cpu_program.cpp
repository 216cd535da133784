// Makes the same schedule as a program of this process; emits its kernels without loading them.
#include "backends/aot/cpu_program.h"

#include "backends/cpu/codegen/llvm_memory.h"
#include "backends/cpu/program/executor.h"
#include "backends/cpu/program/jit.h"
#include "ir/error.h"

namespace weft::aot {

namespace {

void refuse_others(const ir::Graph& graph, const cpu::Schedule& schedule, bool standalone) {
  for (std::size_t i = 0; i < schedule.steps().size(); ++i) {
    const weft_step_kind kind = schedule.steps()[i].kind;
    if (standalone && kind == WEFT_STEP_SIMILARITY)
      fail(
          "entry @{}: the streaming contrastive loss needs oneDNN; compile with --no-contrastive, or "
          "without --standalone",
          graph.name);
    if (kind == WEFT_STEP_CUSTOM) {
      const ir::Op& op = graph.ops[schedule.op(i)];
      fail("entry @{}: no ahead-of-time code for {} at {}; leave the entry out, or write it with other ops", graph.name,
           ir::name(op.code), ir::to_string(op.location));
    }
  }
}

}  // namespace

CpuProgram compile_for_cpu(ir::GraphPtr graph, const CpuOptions& options) {
  CpuProgram program;
  program.graph = std::move(graph);
  const bool avx512 = cpu::find_target(options.cpu, options.triple).avx512;
  program.schedule = std::make_unique<cpu::Schedule>(
      *program.graph, cpu::ScheduleOptions{options.prefix, options.winograd, options.contractions, avx512});
  refuse_others(*program.graph, *program.schedule, options.standalone);
  if (!program.schedule->kernels().empty()) {
    const cpu::InLlvm inside;
    cpu::EmittedModule module(cpu::find_target(options.cpu, options.triple));
    for (const cpu::KernelSource& source : program.schedule->kernels()) module.add(source);
    module.optimise();
    program.object = module.object(true);
    program.kernels = module.facts();
  }
  for (std::size_t i = 0; i < program.kernels.size(); ++i)
    program.schedule->set_kernel(i, cpu::without_code(program.kernels[i]));
  program.schedule->place(runtime::scratch_of(cpu::make_thunks(program.schedule->program(), 1)));
  return program;
}

}  // namespace weft::aot
