// Lowers a planned graph: kernels for fused ops, library calls for contractions; `run` replays the recorded list.
#include "backends/cuda/program.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <utility>

#include "backends/cuda/item.h"
#include "backends/cuda/library_op.h"
#include "backends/cuda/source.h"
#include "ir/error.h"
#include "passes/kept_layouts.h"
#include "passes/plan.h"

namespace weft::cuda {

using ir::Graph;
using ir::kNone;
using ir::Op;
using ir::OpCode;
using ir::OpId;
using ir::ValueId;
using passes::bytes_of;
using passes::gaps_of;
using passes::Place;
using passes::Plan;

namespace {

// Inputs beyond this size are memory of their own, and only where the program's user binds none: they are data sets.
constexpr std::size_t kLargeInput = std::size_t{1} << 16;

std::size_t aligned(std::size_t bytes) { return (bytes + kDeviceAlignment - 1) / kDeviceAlignment * kDeviceAlignment; }

struct Entry {
  std::unique_ptr<Item> item;
  std::vector<ValueId> values;   // whose memory the item gets
  std::int64_t last_offset = 0;  // in bytes, of the last of them
  OpId op = kNone;
  int scratch_buffer = -1;
  std::string name;
  std::uint32_t relays = kNone;  // the input whose row-major copy this makes; then there is no op
};

class CudaProgram final : public runtime::Program {
 public:
  CudaProgram(ir::GraphPtr graph, std::shared_ptr<Device> device, std::shared_ptr<runtime::Memory> space, bool tf32,
              CompileReport& report)
      : Program(std::move(space)), graph_(std::move(graph)), kept_(*graph_), device_(std::move(device)), tf32_(tf32) {
    plan_ = passes::make_plan(*graph_);
    make_items(report);
    plan_scratch();
    allocate();
  }

  void* input(int index) override {
    void*& memory = input_memory_[std::size_t(index)];
    if (!memory) {
      large_inputs_.push_back(space_->allocate(inputs_[std::size_t(index)].type.bytes()));
      bind_input(index, large_inputs_.back().get());
    }
    return memory;
  }

  void bind_input(int index, void* memory) override {
    if (input_memory_[std::size_t(index)] == memory) return;
    input_memory_[std::size_t(index)] = memory;
    for (std::size_t i = 0; i < outputs_.size(); ++i)
      if (outputs_[i].donates == index) output_memory_[i] = memory;
    is_bound_ = false;
    recording_.reset();
  }

  void run() override {
    if (!is_bound_) bind_all();
    if (!std::exchange(has_run_, true)) return run_first();
    if (!recording_) recording_ = recorded();
    try {
      recording_->replay();
    } catch (const Error& error) {
      fail("{} could not be run: {}", step_text(), error.what());
    }
  }

  runtime::MemoryUse memory() const override { return {plan_.arena_bytes, plan_.naive_bytes, plan_.lower_bound_bytes}; }

  std::vector<runtime::ItemProfile> profile(int runs) override {
    if (!is_bound_) bind_all();
    std::vector<std::vector<double>> seconds(entries_.size());
    for (int i = 0; i < runs; ++i)
      for (std::size_t j = 0; j < entries_.size(); ++j)
        seconds[j].push_back(device_->seconds([&] { run_entry(entries_[j]); }));
    std::vector<runtime::ItemProfile> profiles;
    for (std::size_t j = 0; j < entries_.size(); ++j) {
      std::nth_element(seconds[j].begin(), seconds[j].begin() + runs / 2, seconds[j].end());
      const Entry& entry = entries_[j];
      runtime::ItemProfile profile{entry.name, entry.item->kind(), {}, seconds[j][std::size_t(runs / 2)], 0, 0};
      if (entry.op != kNone) {
        const Op& op = graph_->ops[entry.op];
        profile.where = op.where;
        profile.flops = device_flops(*graph_, op);
        profile.bytes = bytes_of(*graph_, op);
      }
      profiles.push_back(std::move(profile));
    }
    return profiles;
  }

 private:
  // --- Making ----------------------------------------------------------------------------------------------------

  void make_items(CompileReport& report) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<OpKernel> kernels = kernels_of(*graph_, plan_);
    report.seconds.emplace_back("lower", seconds_since(start));
    load(kernels, report);
    std::set<ValueId> filled;
    std::size_t next_kernel = 0;
    for (; next_kernel < kernels.size() && kernels[next_kernel].relays != kNone; ++next_kernel)
      add_kernel(kernels[next_kernel]);
    for (const OpId id : plan_.order) {
      const Op& op = graph_->ops[id];
      for (const ValueId operand : op.operands) fill_gaps(operand, filled);
      if (is_library_op(*graph_, op)) add_library_call(id);
      for (; next_kernel < kernels.size() && kernels[next_kernel].op == id; ++next_kernel)
        add_kernel(kernels[next_kernel]);
    }
    for (const ir::Output& output : graph_->outputs) fill_gaps(output.value, filled);
  }

  void add_library_call(OpId id) {
    const Op& op = graph_->ops[id];
    Entry entry;
    entry.op = id;
    entry.name = fmt::format("{} {}", ir::name(op.code), op.where.scope);
    entry.item = std::make_unique<OperationItem>(library_call(op));
    entry.values = op.operands;
    entry.values.push_back(op.results[0]);
    entries_.push_back(std::move(entry));
  }

  void add_kernel(const OpKernel& made) {
    auto item = std::make_unique<KernelItem>(made.kernel);
    item->load(*module_);
    Entry entry;
    entry.op = made.op;
    entry.name = made.kernel.name;
    entry.item = std::move(item);
    entry.values = made.values;
    entry.last_offset = made.last_offset;
    entry.relays = made.relays;
    entries_.push_back(std::move(entry));
  }

  void load(const std::vector<OpKernel>& kernels, CompileReport& report) {
    std::vector<EmittedKernel> emitted;
    for (const OpKernel& each : kernels) emitted.push_back(each.kernel);
    report.kernels += int(emitted.size());
    const auto start = std::chrono::steady_clock::now();
    if (!emitted.empty()) module_ = device_->load(translation_unit(emitted));
    report.seconds.emplace_back("load", seconds_since(start));
  }

  std::unique_ptr<Operation> library_call(const Op& op) {
    try {
      if (op.code == OpCode::matmul) {
        Product product = product_of(*graph_, op, plan_.places);
        product.tf32 = tf32_;
        return device_->make(product);
      }
      Convolution convolution = convolution_of(*graph_, op, kept_.of_weights(op));
      convolution.tf32 = tf32_;
      return device_->make(convolution);
    } catch (const Error& error) {
      fail("{}", described(op, error.what()));
    }
  }

  // Before a pack is read, zeros go between its parts.
  void fill_gaps(ValueId value, std::set<ValueId>& filled) {
    const Op* pack = passes::pack_below(*graph_, value);
    if (!pack || !filled.insert(pack->results[0]).second) return;
    std::vector<passes::Gap> gaps = gaps_of(*graph_, *pack);
    if (gaps.empty()) return;
    const ValueId packed = pack->results[0];
    Entry entry;
    entry.op = graph_->values[packed].op;
    entry.name = "fill gaps";
    entry.item = std::make_unique<FillItem>(std::move(gaps));
    entry.values = {packed};
    entries_.push_back(std::move(entry));
  }

  // --- Memory ------------------------------------------------------------------------------------------------------

  // Plans again with the scratch that the items ask for. The planner's borders are narrower than a device's: scratch
  // begins at the next wide one.
  void plan_scratch() {
    std::vector<std::size_t> scratch(graph_->ops.size(), 0);
    for (const Entry& entry : entries_)
      if (const std::size_t bytes = entry.item->scratch_bytes(); bytes > 0)
        scratch[entry.op] = std::max(scratch[entry.op], bytes + kDeviceAlignment - passes::kAlignment);
    const std::vector<OpId> order = plan_.order;
    plan_ = passes::make_plan(*graph_, scratch);
    check(order == plan_.order, "scratch changed the order of ops");
    std::vector<int> buffer_of(graph_->ops.size(), -1);
    for (std::size_t step = 0; step < order.size(); ++step) buffer_of[order[step]] = plan_.scratch_buffer[step];
    for (Entry& entry : entries_)
      if (entry.op != kNone) entry.scratch_buffer = buffer_of[entry.op];
  }

  void allocate() {
    std::size_t bytes = aligned(plan_.arena_bytes);
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
    for (const std::uint32_t input : kept_.relaid())
      relay_offsets_[input] = reserve(graph_->type(graph_->inputs[input].value));
    memory_ = allocated(bytes);
    const auto at = [&](std::size_t offset) -> void* { return offset == nowhere ? nullptr : start() + offset; };
    for (const std::size_t offset : input_offsets) input_memory_.push_back(at(offset));
    for (const std::size_t offset : output_offsets) output_memory_.push_back(at(offset));
  }

  std::shared_ptr<void> allocated(std::size_t bytes) const {
    try {
      return space_->allocate(bytes);
    } catch (const Error& error) {
      const auto largest = std::max_element(plan_.buffers.begin(), plan_.buffers.end(),
                                            [](const auto& a, const auto& b) { return a.bytes < b.bytes; });
      if (largest == plan_.buffers.end()) throw;
      const OpId op =
          largest->value == kNone ? plan_.order[std::size_t(largest->first)] : graph_->values[largest->value].op;
      fail("@{} needs {} bytes on the device: {}; its largest value takes {} bytes, of {}; use a smaller batch",
           graph_->name, bytes, error.what(), largest->bytes, described(graph_->ops[op], ""));
    }
  }

  void bind_all() {
    for (int i = 0; i < int(inputs_.size()); ++i) input(i);
    for (const Entry& entry : entries_) {
      std::vector<void*> pointers;
      for (const ValueId value : entry.values) pointers.push_back(pointer(value));
      if (entry.relays != kNone) pointers = {input_memory_[entry.relays], start() + relay_offsets_.at(entry.relays)};
      pointers.back() = static_cast<std::byte*>(pointers.back()) + entry.last_offset;
      entry.item->bind(pointers, scratch(entry));
    }
    is_bound_ = true;
  }

  void* scratch(const Entry& entry) const {
    if (entry.scratch_buffer < 0) return nullptr;
    return start() + aligned(plan_.buffers[std::size_t(entry.scratch_buffer)].offset);
  }

  std::byte* start() const { return static_cast<std::byte*>(memory_.get()); }

  void* pointer(ValueId value) const {
    const Place& place = plan_.places[value];
    std::byte* base = nullptr;
    switch (place.base) {
      case Place::Base::input:
        base = relay_offsets_.count(place.index) != 0 ? start() + relay_offsets_.at(place.index)
                                                      : static_cast<std::byte*>(input_memory_[place.index]);
        break;
      case Place::Base::output:
        base = static_cast<std::byte*>(output_memory_[place.index]);
        break;
      case Place::Base::buffer:
        base = start() + plan_.buffers[place.index].offset;
        break;
    }
    return base + place.offset * std::int64_t(ir::size_of(graph_->type(value).dtype));
  }

  // --- Running -----------------------------------------------------------------------------------------------------

  // Item by item: libraries load their code, which no recording may do, and a fault is known to be that of the item
  // that was waited for.
  void run_first() const {
    for (const Entry& entry : entries_) {
      run_entry(entry);
      of_entry(entry, [&] { device_->synchronise(); });
    }
  }

  std::unique_ptr<Recording> recorded() const {
    try {
      return device_->record(step_text(), [this] {
        for (const Entry& entry : entries_) run_entry(entry);
      });
    } catch (const Error& error) {
      fail("{} could not be recorded as one: {}", step_text(), error.what());
    }
  }

  std::string step_text() const {
    return fmt::format("@{}, {} items over {} bytes of the device,", graph_->name, entries_.size(), plan_.arena_bytes);
  }

  void run_entry(const Entry& entry) const {
    of_entry(entry, [&] { entry.item->run(*device_); });
  }

  // Errors of `work` name the entry's op.
  template <typename Work>
  void of_entry(const Entry& entry, Work work) const {
    try {
      work();
    } catch (const Error& error) {
      if (entry.op == kNone) fail("{}: {}", entry.name, error.what());
      fail("{}", described(graph_->ops[entry.op], fmt::format("{}: {}", entry.name, error.what())));
    }
  }

  std::string described(const Op& op, const std::string& what) const {
    const std::string where = to_string(op.where);
    return fmt::format("{}{}{} -> {}, {} bytes{}{}", where, where.empty() ? "" : ": ", ir::name(op.code),
                       to_string(graph_->type(op.results[0])), std::int64_t(bytes_of(*graph_, op)),
                       what.empty() ? "" : ": ", what);
  }

  ir::GraphPtr graph_;
  passes::KeptLayouts kept_;
  std::shared_ptr<Device> device_;
  bool tf32_;
  Plan plan_;
  std::unique_ptr<Module> module_;
  std::vector<Entry> entries_;
  std::shared_ptr<void> memory_;                        // arena, then inputs and outputs, then row-major copies
  std::map<std::uint32_t, std::size_t> relay_offsets_;  // by input: its row-major copy
  std::vector<std::shared_ptr<void>> large_inputs_;
  bool is_bound_ = false, has_run_ = false;
  std::unique_ptr<Recording> recording_;  // of all entries as they are bound
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

std::string source_of(const Graph& graph) {
  std::vector<EmittedKernel> emitted;
  for (OpKernel& each : kernels_of(graph, passes::make_plan(graph))) emitted.push_back(std::move(each.kernel));
  return translation_unit(emitted);
}

}  // namespace weft::cuda
