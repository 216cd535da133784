// A schedule and its memory on a device of this process.
#include "backends/cuda/program/program.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "backends/cuda/program/contraction.h"
#include "backends/cuda/program/executor.h"
#include "backends/cuda/program/schedule.h"
#include "ir/error.h"

namespace weft::cuda {

namespace {

// Inputs beyond this size (data sets) get separate memory, and only if the program's user binds none.
constexpr std::size_t kLargeInput = std::size_t{1} << 16;

Schedule make_schedule(const ir::Graph& graph, bool tf32, CompileReport& report) {
  const auto start = std::chrono::steady_clock::now();
  Schedule schedule(graph, tf32);
  report.seconds.emplace_back("lower", seconds_since(start));
  return schedule;
}

class CudaProgram final : public runtime::Program {
 public:
  CudaProgram(ir::GraphPtr graph, std::shared_ptr<Device> device, std::shared_ptr<runtime::Memory> space, bool tf32,
              CompileReport& report)
      : Program(std::move(space)),
        graph_(std::move(graph)),
        device_(std::move(device)),
        schedule_(make_schedule(*graph_, tf32, report)) {
    load(report);
    runtime::Thunks items;
    for (std::size_t i = 0; i < schedule_.steps().size(); ++i) items.push_back(make_thunk(i));
    schedule_.place(scratch_of(items));
    executor_.emplace(schedule_.program(), std::move(items), *device_, step_text(),
                      [this](std::size_t step, const std::string& what) { return schedule_.described(step, what); });
    allocate();
  }

  void* input(int index) override {
    void*& memory = input_memory_[std::size_t(index)];
    if (!memory) {
      large_inputs_.push_back(space_->allocate(inputs_[std::size_t(index)].type.bytes()));
      do_bind_input(index, large_inputs_.back().get());
    }
    return memory;
  }

  void do_bind_input(int index, void* memory) override {
    if (input_memory_[std::size_t(index)] == memory) return;
    input_memory_[std::size_t(index)] = memory;
    for (std::size_t i = 0; i < outputs_.size(); ++i)
      if (outputs_[i].donates == index) output_memory_[i] = memory;
    is_bound_ = false;
  }

  void do_run() override {
    if (!is_bound_) bind_all();
    executor_->run();
  }

  runtime::MemoryUse memory() const override {
    const passes::Plan& plan = schedule_.plan();
    return {plan.arena_bytes, plan.naive_bytes, plan.lower_bound_bytes};
  }

  std::vector<runtime::ItemProfile> do_profile(int runs) override {
    if (!is_bound_) bind_all();
    std::vector<std::vector<double>> seconds(executor_->size());
    for (int i = 0; i < runs; ++i)
      for (std::size_t step = 0; step < seconds.size(); ++step) seconds[step].push_back(executor_->seconds(step));
    std::vector<runtime::ItemProfile> profiles;
    for (std::size_t step = 0; step < seconds.size(); ++step)
      profiles.push_back(describe(step, median_of(seconds[step])));
    return profiles;
  }

 private:
  void load(CompileReport& report) {
    report.kernels += schedule_.kernels();
    const auto start = std::chrono::steady_clock::now();
    if (!schedule_.source().empty()) module_ = device_->load(schedule_.source(), {});
    report.seconds.emplace_back("load", seconds_since(start));
  }

  std::unique_ptr<runtime::Thunk> make_thunk(std::size_t step) {
    try {
      return cuda::make_thunk(schedule_.steps()[step], *device_, module_.get());
    } catch (const Error& error) {
      fail("{}", schedule_.described(step, error.what()));
    }
  }

  runtime::ItemProfile describe(std::size_t step, double seconds) const {
    runtime::ItemProfile profile{schedule_.steps()[step].name, executor_->item(step).kind(), {}, seconds, 0, 0};
    if (schedule_.op(step) != ir::kNone) {
      const ir::Op& op = graph_->ops[schedule_.op(step)];
      profile.location = op.location;
      profile.flops = device_flops(*graph_, op);
      profile.bytes = passes::bytes_of(*graph_, op);
    }
    return profile;
  }

  // Small inputs and outputs follow the arena.
  void allocate() {
    std::size_t bytes = aligned(schedule_.arena_bytes());
    const auto reserve = [&](const ir::Type& type) {
      const std::size_t offset = bytes;
      bytes += aligned(type.bytes());
      return offset;
    };
    constexpr std::size_t nowhere = ~std::size_t{0};
    std::vector<std::size_t> input_offsets, output_offsets;
    add_ports(*graph_);
    for (const runtime::Port& port : inputs_)
      input_offsets.push_back(port.type.bytes() > kLargeInput ? nowhere : reserve(port.type));
    for (const runtime::Port& port : outputs_)
      output_offsets.push_back(port.donates < 0 ? reserve(port.type) : input_offsets[std::size_t(port.donates)]);
    memory_ = allocated(bytes);
    const auto at = [&](std::size_t offset) -> void* { return offset == nowhere ? nullptr : start() + offset; };
    for (const std::size_t offset : input_offsets) input_memory_.push_back(at(offset));
    for (const std::size_t offset : output_offsets) output_memory_.push_back(at(offset));
  }

  std::shared_ptr<void> allocated(std::size_t bytes) const {
    try {
      return space_->allocate(bytes);
    } catch (const Error& error) {
      const std::string largest = schedule_.largest();
      if (largest.empty()) throw;
      fail("@{} needs {} bytes on the device: {}; {}; use a smaller batch", graph_->name, bytes, error.what(), largest);
    }
  }

  void bind_all() {
    for (int i = 0; i < int(inputs_.size()); ++i) input(i);
    executor_->bind(start(), input_memory_.data(), output_memory_.data());
    is_bound_ = true;
  }

  std::byte* start() const { return static_cast<std::byte*>(memory_.get()); }

  std::string step_text() const {
    return fmt::format("@{}, {} steps over {} bytes of the device,", graph_->name, schedule_.steps().size(),
                       schedule_.plan().arena_bytes);
  }

  ir::GraphPtr graph_;
  std::shared_ptr<Device> device_;
  Schedule schedule_;
  std::unique_ptr<Module> module_;
  std::optional<Executor> executor_;
  std::shared_ptr<void> memory_;  // arena, then inputs and outputs
  std::vector<std::shared_ptr<void>> large_inputs_;
  bool is_bound_ = false;
};

class MemoryOfDevice final : public runtime::Memory {
 public:
  explicit MemoryOfDevice(std::shared_ptr<Device> device) : device_(std::move(device)) {}
  bool is_host() const override { return false; }
  std::shared_ptr<void> allocate(std::size_t bytes) override {
    return {device_->allocate(bytes), [device = device_](void* memory) { device->release(memory); }};
  }
  void write(void* to, const void* from_host, std::size_t bytes) override { device_->write(to, from_host, bytes); }
  void copy(void* to, const void* from, std::size_t bytes) override { device_->copy(to, from, bytes); }
  void read(void* to_host, const void* from, std::size_t bytes) override { device_->read(to_host, from, bytes); }

 private:
  std::shared_ptr<Device> device_;
};

}  // namespace

passes::Target target() {
  passes::Target target;
  target.weights_layout = preferred_weights_layout;
  return target;
}

std::shared_ptr<runtime::Memory> memory_of(std::shared_ptr<Device> device) {
  return std::make_shared<MemoryOfDevice>(std::move(device));
}

std::unique_ptr<runtime::Program> make_program(ir::GraphPtr graph, std::shared_ptr<Device> device,
                                               std::shared_ptr<runtime::Memory> space, bool tf32,
                                               CompileReport& report) {
  return std::make_unique<CudaProgram>(std::move(graph), std::move(device), std::move(space), tf32, report);
}

std::string source_of(const ir::Graph& graph) { return Schedule(graph, false).source(); }

}  // namespace weft::cuda
