// State that the parts of the emitter share while they write one kernel.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "backends/cuda/codegen/emit.h"
#include "backends/cuda/codegen/plan.h"
#include "backends/cuda/codegen/values.h"

namespace weft::cuda {

struct Job {
  const kernel::Kernel& kernel;
  Buffers buffers;
  std::string index;  // type of indices and addresses
  Scratch scratch;
  std::vector<Accumulator> accumulators;
  std::vector<SplitReduction> split_reductions;
  EmittedKernel result;

  explicit Job(const kernel::Kernel& kernel_given)
      : kernel(kernel_given), buffers(kernel_given), index(index_type(kernel_given)) {}
  const kernel::Node& node(kernel::NodeId id) const { return kernel.nodes[id]; }
};

// Text of reductions. They accumulate floats, or ints for ints and bools.
std::string operation(const kernel::Node& reduction);  // "Sum" or "Max"
Kind sum_kind(const kernel::Node& reduction);          // of the sum
std::string none(const kernel::Node& reduction);       // the neutral element
std::string join(const kernel::Node& reduction, const std::string& into, const std::string& value);  // a statement
std::string result_of(const kernel::Node& reduction, const std::string& sum);                        // as its dtype
std::string addend(const Job& job, const kernel::Node& reduction,
                   const std::string& value);                        // the operand to add
std::string begin_of_sum(const Job& job, kernel::NodeId reduction);  // "float x_7_sum = 0.0f;"
// "float* x_7_parts = (float*)((char*)scratch + 256);"
std::string parts_pointer(const Job& job, kernel::NodeId reduction, std::size_t offset);
std::string parts_name(const Job& job, kernel::NodeId reduction);
std::string variable(const Job& job, kernel::NodeId node);

// Adds one function and its launch to the result: `body` writes the code between its braces.
template <typename Body>
void add_function(Job& job, const std::string& name, std::int64_t blocks, int threads, Body body) {
  Source source;
  source.open(fmt::format("extern \"C\" __global__ void __launch_bounds__({}) {}({})", threads, name,
                          job.buffers.parameters()));
  Values values(job.kernel, job.buffers, source);
  body(source, values);
  source.close();
  job.result.text += source.take();
  job.result.launches.push_back({name, unsigned(blocks), unsigned(threads), 0});
}

// Ends a function with accumulators of one number each: writes a block's sums, in the order of its threads.
void write_block_sums(Job& job, Source& source, const std::vector<Accumulator*>& singles, int threads);

// The forms of launches. All but `write_finish` fill the accumulators that it reads.
bool write_transpose(Job& job);  // returns whether the kernel is a transpose
void write_flat(Job& job);
void write_rows(Job& job);
void write_columns(Job& job);
void write_finish(Job& job);

}  // namespace weft::cuda
