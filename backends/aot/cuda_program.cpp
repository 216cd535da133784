// Makes the same schedule as a program of this process; NVRTC compiles its source.
#include "backends/aot/cuda_program.h"

#include "backends/cuda/device/nvrtc.h"
#include "ir/error.h"

namespace weft::aot {

CudaProgram compile_for_cuda(ir::GraphPtr graph, bool tf32, const std::vector<std::string>& architectures) {
  CudaProgram program;
  program.graph = std::move(graph);
  program.schedule = std::make_unique<cuda::Schedule>(*program.graph, tf32);
  std::vector<std::size_t> scratch;
  for (const weft_step& step : program.schedule->steps())
    scratch.push_back(step.kind == WEFT_STEP_LAUNCHES ? runtime::table_of<weft_launches_step>(step).scratch_bytes : 0);
  program.schedule->place(scratch);
  const cuda::Nvrtc* nvrtc = cuda::Nvrtc::find();
  if (!nvrtc && !architectures.empty())
    fail(
        "NVRTC, which compiles for {}, is missing: {}; install the CUDA toolkit, or leave --arch out: the GPU's "
        "machine "
        "compiles then",
        architectures.front(), cuda::Nvrtc::missing());
  for (const std::string& architecture : architectures)
    if (!program.schedule->source().empty())
      program.cubins.push_back(
          {architecture, nvrtc->compile(program.schedule->source(), program.graph->name, architecture)});
  return program;
}

}  // namespace weft::aot
