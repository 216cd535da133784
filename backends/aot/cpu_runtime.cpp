// Runs the programs of a compiled artefact with the thunks that programs of this process use (tables.h specifies each
// function). Built into a library without LLVM, which artefacts link.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <vector>

#include "backends/aot/table_reader.h"
#include "backends/cpu/program/executor.h"
#include "ir/error.h"

namespace weft::cpu {

namespace {

CompiledKernel kernel_of(const weft_kernel& table) {
  CompiledKernel kernel;
  kernel.name = table.name;
  kernel.run = table.run;
  kernel.finish = table.finish;
  kernel.chunks = table.chunks;
  kernel.scratch_bytes = table.scratch_bytes;
  kernel.work_ns = table.work_ns;
  return kernel;
}

Matrix matrix_of(const weft_matrix& table) {
  return {table.rows, table.columns, table.row_stride, table.column_stride};
}

MatmulStep matmul_of(const weft_matmul_step& table) {
  return {matrix_of(table.a), matrix_of(table.b), matrix_of(table.result), table.bias != 0, table.activation};
}

Convolution onednn_convolution_of(const weft_convolution_step& table) {
  auto c = convolution_of<Convolution>(table);
  c.weights_layout = table.weights_layout;
  c.winograd = table.winograd != 0;
  return c;
}

RelayoutStep relayout_of(const weft_relayout_step& table) {
  RelayoutStep work;
  work.dims.assign(table.type.dims, table.type.dims + table.type.rank);
  for (int i = 0; i < table.layout.rank; ++i) work.layout.order.push_back(std::size_t(table.layout.order[i]));
  for (int i = 0; i < table.layout.block_count; ++i)
    work.layout.blocks.push_back({std::size_t(table.layout.block_dim[i]), table.layout.block_size[i]});
  return work;
}

PoolingStep pooling_of(const weft_pooling_step& table) {
  return {PoolingStep::Kind(table.code), table.images,           table.channels,         array_of(table.in),
          array_of(table.out),           array_of(table.kernel), array_of(table.stride), array_of(table.padding)};
}

// The steps of a program and the kernels they name.
struct Loaded {
  std::vector<Step> steps;
  std::vector<CompiledKernel> kernels;

  explicit Loaded(const weft_program& program) {
    for (int i = 0; i < program.step_count; ++i)
      steps.push_back(step_of<Step>(program.steps[i], body_of(program.steps[i])));
  }

  StepBody body_of(const weft_step& step) {
    switch (step.kind) {
      case WEFT_STEP_KERNEL:
        return kernel_work_of(table_of<weft_kernel_step>(step));
      case WEFT_STEP_MATMUL:
        return matmul_of(table_of<weft_matmul_step>(step));
      case WEFT_STEP_CONVOLUTION:
        return onednn_convolution_of(table_of<weft_convolution_step>(step));
      case WEFT_STEP_FILL:
        return FillStep{gaps_of(table_of<weft_fill_step>(step))};
      case WEFT_STEP_RELAYOUT:
        return relayout_of(table_of<weft_relayout_step>(step));
      case WEFT_STEP_POOLING:
        return pooling_of(table_of<weft_pooling_step>(step));
      case WEFT_STEP_SIMILARITY:
        return similarity_of(table_of<weft_similarity_step>(step));
      case WEFT_STEP_IM2COL:
      case WEFT_STEP_LAUNCHES:
      case WEFT_STEP_DEVICE_MATMUL:
      case WEFT_STEP_DEVICE_CONVOLUTION:
        break;
    }
    fail("an artefact for oneDNN cannot run step {}", step.name);
  }

  KernelStep kernel_work_of(const weft_kernel_step& table) {
    kernels.push_back(kernel_of(*table.kernel));
    return {int(kernels.size()) - 1, {table.cuts, table.cuts + table.cut_count}, table.elements};
  }

  SimilarityStep similarity_of(const weft_similarity_step& table) {
    const SimilarityStep work{SimilarityStep::Kind(table.code), table.rows, table.width, int(kernels.size()),
                              table.kernel_count};
    for (int i = 0; i < table.kernel_count; ++i) kernels.push_back(kernel_of(*table.kernels[i]));
    return work;
  }
};

}  // namespace

}  // namespace weft::cpu

struct weft_executor {
  weft_executor(const weft_program& program, void* memory, int threads)
      : loaded(program),
        executor(loaded.steps, weft::cpu::make_thunks(loaded.steps, loaded.kernels, threads), threads),
        arena(static_cast<std::byte*>(memory)),
        inputs(std::size_t(program.input_count)),
        outputs(std::size_t(program.output_count)) {}

  weft::cpu::Loaded loaded;
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

extern "C" int weft_executor_run(weft_executor* executor, void* const* inputs, void* const* outputs, char* error,
                                 size_t error_bytes) {
  try {
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
