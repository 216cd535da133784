// The same recipe as a program of this process has, its kernels emitted and not loaded.
#include "backends/cpu/ahead.h"

#include "backends/cpu/executor.h"
#include "backends/cpu/jit.h"
#include "backends/cpu/llvm_memory.h"
#include "ir/error.h"

namespace weft::cpu {

namespace {

void refuse_others(const ir::Graph& graph, const Recipe& recipe, bool standalone) {
  for (std::size_t i = 0; i < recipe.steps().size(); ++i) {
    const Work& work = recipe.steps()[i].work;
    if (standalone && std::holds_alternative<SimilarityWork>(work))
      fail(
          "entry @{}: the streaming loss of contrastive learning needs oneDNN; compile with --no-contrastive, or "
          "without --standalone",
          graph.name);
    if (std::holds_alternative<OtherWork>(work)) {
      const ir::Op& op = graph.ops[recipe.op(i)];
      fail("entry @{}: there is no code ahead of time for {} at {}; leave the entry out, or write it by other ops",
           graph.name, ir::name(op.code), ir::to_string(op.where));
    }
  }
}

}  // namespace

AheadProgram compile_ahead(ir::GraphPtr graph, const AheadOptions& options) {
  AheadProgram program;
  program.graph = std::move(graph);
  program.recipe =
      std::make_unique<Recipe>(*program.graph, RecipeOptions{options.prefix, options.winograd, options.standalone});
  refuse_others(*program.graph, *program.recipe, options.standalone);
  if (!program.recipe->kernels().empty()) {
    const InLlvm inside;
    EmittedModule module(find_target(options.cpu, options.triple));
    for (const KernelSource& source : program.recipe->kernels()) module.add(source);
    module.optimise();
    program.object = module.object(true);
    program.kernels = module.facts();
  }
  std::vector<CompiledKernel> kernels;
  for (const KernelFacts& facts : program.kernels) kernels.push_back(without_code(facts));
  program.recipe->place(scratch_of(make_items(program.recipe->steps(), kernels, 1)));
  return program;
}

}  // namespace weft::cpu
