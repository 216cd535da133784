// The same recipe as a program of this process has, its source compiled by NVRTC.
#include "backends/cuda/ahead.h"

#include "backends/cuda/driver_nvrtc.h"
#include "ir/error.h"

namespace weft::cuda {

AheadProgram compile_ahead(ir::GraphPtr graph, bool tf32, const std::vector<std::string>& architectures) {
  AheadProgram program;
  program.graph = std::move(graph);
  program.recipe = std::make_unique<Recipe>(*program.graph, tf32);
  std::vector<std::size_t> scratch;
  for (const Step& step : program.recipe->steps()) {
    const auto* kernel = std::get_if<KernelWork>(&step.work);
    scratch.push_back(kernel ? kernel->scratch_bytes : 0);
  }
  program.recipe->place(scratch);
  const Nvrtc* nvrtc = Nvrtc::find();
  if (!nvrtc && !architectures.empty())
    fail(
        "there is no NVRTC to compile for {}: {}; install the CUDA toolkit, or leave --arch out: the GPU's machine "
        "compiles then",
        architectures.front(), Nvrtc::missing());
  for (const std::string& architecture : architectures)
    if (!program.recipe->source().empty())
      program.cubins.push_back(
          {architecture, nvrtc->compile(program.recipe->source(), program.graph->name, architecture)});
  return program;
}

}  // namespace weft::cuda
