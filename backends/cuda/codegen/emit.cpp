// Emits the functions of a kernel: selects its form, and holds what all forms share.
#include "backends/cuda/codegen/emit.h"

#include "backends/cuda/codegen/job.h"
#include "ir/error.h"
#include "ir/visible.h"

namespace weft::cuda {

using kernel::Node;
using kernel::NodeId;

std::string operation(const Node& reduction) { return reduction.code == ir::OpCode::reduce_max ? "Max" : "Sum"; }

Kind sum_kind(const Node& reduction) { return is_float(reduction.dtype) ? Kind::f32 : Kind::i32; }

std::string none(const Node& reduction) {
  if (reduction.code != ir::OpCode::reduce_max) return literal(0, sum_kind(reduction));
  return sum_kind(reduction) == Kind::f32 ? "-kInfinity" : literal(-2147483648.0, Kind::i32);
}

std::string join(const Node& reduction, const std::string& into, const std::string& value) {
  if (reduction.code != ir::OpCode::reduce_max && sum_kind(reduction) == Kind::f32)
    return fmt::format("{} += {};", into, value);
  return fmt::format("{} = {}::of({}, {});", into, operation(reduction), into, value);
}

std::string result_of(const Node& reduction, const std::string& sum) {
  return rounded(convert(Text(sum, sum_kind(reduction)), kind_of(reduction.dtype)), reduction.dtype).code();
}

std::string addend(const Job& job, const Node& reduction, const std::string& value) {
  return convert(Text(value, kind_of(job.node(reduction.operands[0]).dtype)), sum_kind(reduction)).code();
}

std::string variable(const Job& job, NodeId node) { return variable(job.kernel, node); }

std::string begin_of_sum(const Job& job, NodeId reduction) {
  const Node& node = job.node(reduction);
  return fmt::format("{} {}_sum = {};", type_name(sum_kind(node)), variable(job, reduction), none(node));
}

std::string parts_name(const Job& job, NodeId reduction) { return variable(job, reduction) + "_parts"; }

std::string parts_pointer(const Job& job, NodeId reduction, std::size_t offset) {
  const char* type = type_name(sum_kind(job.node(reduction)));
  return fmt::format("{}* {} = ({}*)((char*)scratch + {});", type, parts_name(job, reduction), type, offset);
}

void write_block_sums(Job& job, Source& source, const std::vector<Accumulator*>& singles, int threads) {
  for (const Accumulator* each : singles) {
    const Node& node = job.node(each->node);
    const std::string sum = variable(job, each->node) + "_sum";
    source.line(parts_pointer(job, each->node, each->offset));
    source.line(fmt::format("{0} = combine_neighbours<{1}, {2}, {2}>({0});", sum, operation(node), threads));
    source.line(fmt::format("if (threadIdx.x == 0) {}[blockIdx.x] = {};", parts_name(job, each->node), sum));
  }
}

namespace {

std::string heading(const kernel::Kernel& kernel) {
  std::string loops;
  for (std::size_t d = 0; d < kernel.dims.size(); ++d)
    loops +=
        fmt::format("{}{} i{} < {}", d == 0 ? ": " : ", ", kernel.dims[d].row ? "row" : "loop", d, kernel.dims[d].size);
  return fmt::format("// {}, {} points{}\n", comment_text(kernel.name), kernel.points(), loops);
}

}  // namespace

EmittedKernel emit(const kernel::Kernel& kernel) {
  Job job(kernel);
  job.result.name = kernel.name;
  job.result.arguments = kernel.arguments;
  job.result.text = heading(kernel) + job.buffers.literals();
  bool has_arrays = false;
  for (const NodeId id : final_reductions(kernel)) {
    job.accumulators.push_back({{id, kernel.nodes[id].extent, 1}, 0});
    has_arrays = has_arrays || kernel.nodes[id].extent > 1;
  }
  if (row_set(kernel) != 0)
    write_rows(job);
  else if (has_arrays)
    write_columns(job);
  else if (!write_transpose(job))
    write_flat(job);
  write_finish(job);
  job.result.scratch_bytes = job.scratch.bytes();
  return std::move(job.result);
}

}  // namespace weft::cuda
