// What runs each op.
#include "backends/cuda/program/schedule.h"

#include <string_view>

#include "backends/cuda/program/contraction.h"
#include "ir/error.h"

namespace weft::cuda {

using ir::Op;
using ir::OpId;

Schedule::Schedule(const ir::Graph& graph, bool tf32)
    : weft::Schedule(graph, kDeviceAlignment), tf32_(tf32), made_(kernels_of(graph, plan_)) {
  std::vector<EmittedKernel> emitted;
  for (const OpKernel& each : made_) emitted.push_back(each.kernel);
  if (!emitted.empty()) source_ = translation_unit(emitted);
  add_all();
}

void Schedule::add_relayout(std::uint32_t input) {
  check(made_[next_].relayouts == input, "kernels begin with the copies of the schedule");
  add_kernel(made_[next_++], {graph_.inputs[input].value});
}

void Schedule::add_op(OpId id) {
  if (is_contraction(graph_, graph_.ops[id])) add_contraction(id);
  for (; next_ < made_.size() && made_[next_].op == id; ++next_) add_kernel(made_[next_], made_[next_].values);
}

void Schedule::add_kernel(const OpKernel& made, std::vector<ir::ValueId> values) {
  std::vector<weft_launch> launches;
  for (const Launch& launch : made.kernel.launches)
    launches.push_back({tables_.text(launch.function), launch.blocks, launch.threads, launch.shared_bytes});
  add_step(weft_launches_step{tables_.list(launches), int(launches.size()), made.kernel.scratch_bytes},
           made.kernel.name, std::move(values), made.op, std::size_t(made.last_offset));
}

void Schedule::add_contraction(OpId id) {
  const Op& op = graph_.ops[id];
  if (op.code == ir::OpCode::matmul) {
    weft_matmul_step table = matmul(op);
    table.tf32 = int(tf32_);
    return add_step(table, id);
  }
  weft_convolution_step table = convolution(op);
  const std::string_view layout = table.weights_layout;
  check(layout.empty() || layout == kChannelsLast, "weights are row-major or channels last");
  table.tf32 = int(tf32_);
  add_step(table, id);
}

}  // namespace weft::cuda
