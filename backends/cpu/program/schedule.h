// The cpu backend's steps: kernels for fused ops, oneDNN (or more kernels) for contractions.
#pragma once

#include <string>
#include <vector>

#include "backends/cpu/codegen/emit.h"
#include "backends/options.h"
#include "backends/program/schedule.h"

namespace weft::cpu {

struct ScheduleOptions {
  std::string prefix = {};  // prefix of the kernels' names
  bool winograd = true;     // see steps.def
  Contractions contractions = Contractions::automatic;
  bool avx512 = true;  // of the machine that runs it
};

// Whether a convolution becomes kernels of Winograd's algorithm.
bool goes_by_winograd(const weft_convolution_step& table, const ScheduleOptions& options);

class Schedule final : public weft::Schedule {
 public:
  Schedule(const ir::Graph& graph, const ScheduleOptions& options);

  const std::vector<KernelSource>& kernels() const { return kernels_; }
  // The tables of those kernels, to which steps point, and what they are to say of compiled ones.
  const weft_kernel* kernel(std::size_t index) const { return tables_of_kernels_[index]; }
  void set_kernel(std::size_t index, const weft_kernel& kernel);

 private:
  void add_relayout(std::uint32_t input) override;
  void add_op(ir::OpId id) override;
  void add_fused(ir::OpId id);
  void add_convolution(ir::OpId id);
  void add_winograd(ir::OpId id, const weft_convolution_step& table);
  void add_similarity(ir::OpId id, weft_similarity code);
  void add_matmul(ir::OpId id);
  void add_reference(ir::OpId id);

  const weft_kernel* add_kernel(KernelSource source);
  std::string kernel_name(const ir::Op& op) const;

  ScheduleOptions options_;
  std::vector<KernelSource> kernels_;
  std::vector<weft_kernel*> tables_of_kernels_;
};

}  // namespace weft::cpu
