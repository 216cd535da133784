// A schedule compiled in this process, and its memory.
#include "backends/cpu/program/program.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "backends/cpu/program/executor.h"
#include "backends/cpu/program/jit.h"
#include "backends/cpu/program/reference_thunk.h"
#include "backends/cpu/similarity/shape.h"
#include "backends/cpu/threads/openmp.h"
#include "ir/contraction.h"
#include "ir/kernel/text/print.h"

namespace weft::cpu {

namespace {

Schedule make_schedule(const ir::Graph& graph, const ScheduleOptions& options, CompileReport& report) {
  const auto start = std::chrono::steady_clock::now();
  Schedule schedule(graph, options);
  report.seconds.emplace_back("lower", seconds_since(start));
  return schedule;
}

// Contractions are comments, so that a file of kernels can be read again.
std::string print(const KernelSource& source) {
  if (const auto* kernel = std::get_if<kernel::Kernel>(&source)) return kernel::print(*kernel);
  const auto* matmul = std::get_if<Matmul>(&source);
  return "// " + (matmul ? to_string(*matmul) : to_string(std::get<Winograd>(source))) + "\n";
}

class CpuProgram final : public runtime::Program {
 public:
  CpuProgram(ir::GraphPtr graph, int threads, const ScheduleOptions& options, CompileReport& report)
      : graph_(std::move(graph)), threads_(threads), schedule_(make_schedule(*graph_, options, report)) {
    compile_kernels(report);
    runtime::Thunks items = make_thunks(schedule_.program(), threads_, [this](int step) {
      return make_reference_thunk(*graph_, graph_->ops[schedule_.op(std::size_t(step))]);
    });
    schedule_.place(scratch_of(items));
    if (report.want_text) report.program_text = runtime::print(schedule_.program());
    executor_.emplace(schedule_.program(), std::move(items), threads_);
    allocate();
    bind_all();
  }

  void do_bind_input(int index, void* memory) override {
    input_memory_[std::size_t(index)] = memory;
    for (std::size_t i = 0; i < outputs_.size(); ++i)
      if (outputs_[i].donates == index) output_memory_[i] = memory;
    bind_all();
  }

  void do_run() override { executor_->run(); }

  runtime::MemoryUse memory() const override {
    const passes::Plan& plan = schedule_.plan();
    return {plan.arena_bytes, plan.naive_bytes, plan.lower_bound_bytes};
  }

  std::vector<runtime::ItemProfile> do_profile(int runs) override {
    std::vector<std::vector<double>> seconds(executor_->size());
    omp_set_num_threads(threads_);
    for (int i = 0; i < runs; ++i)
      for (std::size_t step = 0; step < seconds.size(); ++step) {
        const auto start = std::chrono::steady_clock::now();
        executor_->item(step).run();
        seconds[step].push_back(seconds_since(start));
      }
    std::vector<runtime::ItemProfile> profiles;
    for (std::size_t step = 0; step < seconds.size(); ++step)
      profiles.push_back(describe(step, median_of(seconds[step])));
    return profiles;
  }

 private:
  void compile_kernels(CompileReport& report) {
    for (const KernelSource& source : schedule_.kernels()) {
      if (report.want_text) {
        report.kernels_text += (report.kernels_text.empty() ? "" : "\n") + print(source);
        report.llvm_text += llvm_text(source) + "\n";
        report.asm_text += assembly_text(source) + "\n";
      }
      jit_.add(source);
      ++report.kernels;
    }
    const auto start = std::chrono::steady_clock::now();
    jit_.compile(threads_);
    for (std::size_t i = 0; i < schedule_.kernels().size(); ++i) schedule_.set_kernel(i, jit_.kernel(int(i)));
    report.seconds.emplace_back("jit", seconds_since(start));
  }

  runtime::ItemProfile describe(std::size_t step, double seconds) {
    runtime::ItemProfile profile{schedule_.steps()[step].name, executor_->item(step).kind(), {}, seconds, 0, 0};
    if (schedule_.op(step) != ir::kNone) {
      const ir::Op& op = graph_->ops[schedule_.op(step)];
      profile.location = op.location;
      profile.flops = ir::flops_of(*graph_, op);
      profile.bytes = passes::bytes_of(*graph_, op);
    }
    return profile;
  }

  // Inputs and outputs follow the arena.
  void allocate() {
    std::size_t bytes = schedule_.arena_bytes();
    std::vector<std::size_t> input_offsets, output_offsets;
    const auto reserve = [&](const ir::Type& type) {
      const std::size_t offset = bytes;
      bytes += aligned(type.bytes());
      return offset;
    };
    add_ports(*graph_);
    for (const runtime::Port& port : inputs_) input_offsets.push_back(reserve(port.type));
    for (const runtime::Port& port : outputs_)
      output_offsets.push_back(port.donates < 0 ? reserve(port.type) : input_offsets[std::size_t(port.donates)]);
    memory_ = HugeMemory(bytes);
    for (const std::size_t offset : input_offsets) input_memory_.push_back(memory_.data() + offset);
    for (const std::size_t offset : output_offsets) output_memory_.push_back(memory_.data() + offset);
  }

  void bind_all() { executor_->bind(memory_.data(), input_memory_.data(), output_memory_.data()); }

  ir::GraphPtr graph_;
  int threads_;
  Schedule schedule_;
  Jit jit_;
  std::optional<Executor> executor_;
  HugeMemory memory_;
};

}  // namespace

passes::Target target(const ScheduleOptions& options) {
  passes::Target target;
  target.similarity_block = kept_similarity_block;
  target.weights_layout = [options](const ir::Graph& graph, const ir::Op& op) {
    const weft_convolution_step table = convolution_table(graph, op, "");
    return goes_by_winograd(table, options) ? "" : preferred_weights_layout(table);
  };
  return target;
}

std::unique_ptr<runtime::Program> make_program(ir::GraphPtr graph, int threads, const ScheduleOptions& options,
                                               CompileReport& report) {
  return std::make_unique<CpuProgram>(std::move(graph), threads, options, report);
}

}  // namespace weft::cpu
