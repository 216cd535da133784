// Runs the programs of a compiled artefact with the thunks that programs of this process use (tables.h specifies each
// function). Built into a library without LLVM, which artefacts link.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <vector>

#include "backends/cpu/program/executor.h"
#include "backends/cpu/threads/parallel.h"

struct weft_executor {
  weft_executor(const weft_program& program, void* memory, int threads)
      : executor(program, weft::cpu::make_thunks(program, threads)),
        arena(static_cast<std::byte*>(memory)),
        inputs(std::size_t(program.input_count)),
        outputs(std::size_t(program.output_count)) {}

  weft::cpu::Executor executor;
  std::byte* arena;
  std::vector<void*> inputs, outputs;  // as bound
};

extern "C" weft_executor* weft_executor_create(const weft_program* program, void* arena, int threads, char* error,
                                               size_t error_bytes) {
  try {
    return new weft_executor(*program, arena, threads);
  } catch (const std::exception& exception) {
    std::snprintf(error, error_bytes, "%s", exception.what());
  }
  return nullptr;
}

extern "C" int weft_executor_run(weft_executor* executor, const weft_parallel_for* own, void* const* inputs,
                                 void* const* outputs, char* error, size_t error_bytes) {
  try {
    const weft::cpu::OwnThreads threads(own);
    const bool bound = std::equal(executor->inputs.begin(), executor->inputs.end(), inputs) &&
                       std::equal(executor->outputs.begin(), executor->outputs.end(), outputs);
    if (!bound) {
      std::copy_n(inputs, executor->inputs.size(), executor->inputs.begin());
      std::copy_n(outputs, executor->outputs.size(), executor->outputs.begin());
      executor->executor.bind(executor->arena, inputs, outputs);
    }
    executor->executor.run();
    return 1;
  } catch (const std::exception& exception) {
    std::snprintf(error, error_bytes, "%s", exception.what());
  }
  return 0;
}

extern "C" void weft_executor_destroy(weft_executor* executor) { delete executor; }
