// Lowers a planned graph: kernels for fused ops, oneDNN for contractions; `run` walks the list and does nothing else.
#include "backends/cpu/program.h"

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "backends/cpu/convolution.h"
#include "backends/cpu/item.h"
#include "backends/cpu/jit.h"
#include "backends/cpu/kept_layouts.h"
#include "backends/cpu/library.h"
#include "backends/cpu/memory.h"
#include "backends/cpu/pooling.h"
#include "backends/cpu/similarity.h"
#include "backends/kernel/lower.h"
#include "ir/error.h"
#include "passes/plan.h"

namespace weft::cpu {

using ir::flops_of;
using ir::Graph;
using ir::is_convolution;
using ir::kNone;
using ir::Op;
using ir::OpCode;
using ir::OpId;
using ir::ValueId;
using passes::bytes_of;
using passes::gaps_of;
using passes::Place;
using passes::Plan;

static_assert(kCacheLine == passes::kAlignment, "inputs and outputs begin as the planner's buffers do");

namespace {

Matrix matrix_of(const Graph& graph, ValueId value, const Place& place, bool transposed) {
  const auto dims = ir::numbers(graph.type(value).dims);
  const Matrix matrix{dims[0], dims[1], place.strides[0], place.strides[1]};
  return transposed ? Matrix{matrix.columns, matrix.rows, matrix.column_stride, matrix.row_stride} : matrix;
}

std::unique_ptr<Primitive> matmul_of(const Graph& graph, const Op& op, const std::vector<Place>& places) {
  const auto matrix = [&](ValueId value, ir::Attr transpose) {
    return matrix_of(graph, value, places[value], transpose != ir::Attr::none && op.attrs.integer(transpose) != 0);
  };
  return make_matmul(matrix(op.operands[0], ir::Attr::transpose_a), matrix(op.operands[1], ir::Attr::transpose_b),
                     matrix(op.results[0], ir::Attr::none), op.operands.size() == 3,
                     op.attrs.text(ir::Attr::activation));
}

// The optimizer reads the gradients right after the products that made them, each product's rows shared out to the
// threads in order. So each thread gets its share of every part of the pack: what its own cache still holds.
Shares shares_of(const Graph& graph, const Op& op, const CompiledKernel& kernel, int threads) {
  const auto is_pack = [&](ValueId value) {
    return graph.producer(value) && graph.producer(value)->code == OpCode::pack;
  };
  const auto found = std::find_if(op.operands.begin(), op.operands.end(), is_pack);
  if (found == op.operands.end() || threads < 2 || kernel.chunks < 2 * threads) return {};
  const std::int64_t size = graph.type(*found).elements();
  const auto is_flat = [&](ValueId value) {
    return graph.type(value).elements() == 1 || graph.type(value).dims == graph.type(*found).dims;
  };
  if (!std::all_of(op.operands.begin(), op.operands.end(), is_flat) ||
      !std::all_of(op.results.begin(), op.results.end(), is_flat))
    return {};
  std::vector<std::int64_t> cuts = graph.producer(*found)->attrs.integers(ir::Attr::offsets);
  cuts.push_back(0);
  cuts.push_back(size);
  std::sort(cuts.begin(), cuts.end());
  Shares shares;
  shares.resize(std::size_t(threads));
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    const std::int64_t first = cuts[i] * kernel.chunks / size, last = cuts[i + 1] * kernel.chunks / size;
    for (std::int64_t thread = 0; thread < threads; ++thread) {
      const std::int64_t begin = first + (last - first) * thread / threads,
                         end = first + (last - first) * (thread + 1) / threads;
      if (begin < end) shares[std::size_t(thread)].emplace_back(begin, end);
    }
  }
  return shares;
}

// A kernel's name in dumps and profiles: what it is for, by the names of its results.
std::string kernel_name(const Graph& graph, const Op& op, int number) {
  std::string name = fmt::format("kernel_{}", number);
  for (const ValueId result : op.results)
    for (const char c : "_" + graph.values[result].name) {
      if (name.size() < 60) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
    }
  return name;
}

struct Entry {
  std::unique_ptr<Item> item;
  std::vector<ValueId> values;  // whose memory the item gets
  OpId op = kNone;
  int scratch_buffer = -1;
  std::string name;
  std::uint32_t relays = kNone;  // the input whose row-major copy this makes
};

class CpuProgram final : public runtime::Program {
 public:
  CpuProgram(ir::GraphPtr graph, int threads, bool winograd, CompileReport& report)
      : graph_(std::move(graph)), kept_(*graph_), threads_(threads), winograd_(winograd) {
    omp_set_num_threads(threads_);
    plan_ = passes::make_plan(*graph_);
    make_kernels(report);
    make_items();
    allocate();
    bind_all();
  }

  void bind_input(int index, void* memory) override {
    input_memory_[std::size_t(index)] = memory;
    for (std::size_t i = 0; i < outputs_.size(); ++i)
      if (outputs_[i].donates == index) output_memory_[i] = memory;
    bind_all();
  }

  void run() override {
    if (omp_get_max_threads() != threads_) omp_set_num_threads(threads_);
    for (const Entry& entry : entries_) entry.item->run();
  }

  runtime::MemoryUse memory() const override { return {plan_.arena_bytes, plan_.naive_bytes, plan_.lower_bound_bytes}; }

  std::vector<runtime::ItemProfile> profile(int runs) override {
    std::vector<std::vector<double>> seconds(entries_.size());
    omp_set_num_threads(threads_);
    for (int i = 0; i < runs; ++i)
      for (std::size_t j = 0; j < entries_.size(); ++j) {
        const auto start = std::chrono::steady_clock::now();
        entries_[j].item->run();
        seconds[j].push_back(seconds_since(start));
      }
    std::vector<runtime::ItemProfile> profiles;
    for (std::size_t j = 0; j < entries_.size(); ++j) {
      std::nth_element(seconds[j].begin(), seconds[j].begin() + runs / 2, seconds[j].end());
      const Entry& entry = entries_[j];
      runtime::ItemProfile profile{entry.name, entry.item->kind(), {}, seconds[j][std::size_t(runs / 2)], 0, 0};
      if (entry.op != kNone) {
        const Op& op = graph_->ops[entry.op];
        profile.where = op.where;
        profile.flops = flops_of(*graph_, op);
        profile.bytes = bytes_of(*graph_, op);
      }
      profiles.push_back(std::move(profile));
    }
    return profiles;
  }

 private:
  void make_kernels(CompileReport& report) {
    const auto start = std::chrono::steady_clock::now();
    for (const OpId id : plan_.order) {
      const Op& op = graph_->ops[id];
      if (op.code == OpCode::fused) add_kernel(lower_fused(op, report.kernels), report);
      if (is_similarity(op.code))
        for (kernel::Kernel& kernel : similarity_kernels(*graph_, op, kernel_name(*graph_, op, report.kernels)))
          add_kernel(std::move(kernel), report);
    }
    report.seconds.emplace_back("lower", seconds_since(start));
    const auto compile_start = std::chrono::steady_clock::now();
    jit_.compile(threads_);
    report.seconds.emplace_back("jit", seconds_since(compile_start));
  }

  void add_kernel(kernel::Kernel kernel, CompileReport& report) {
    if (report.want_text) {
      report.kernels_text += (report.kernels_text.empty() ? "" : "\n") + kernel::print(kernel);
      report.llvm_text += llvm_text(kernel) + "\n";
      report.asm_text += assembly_text(kernel) + "\n";
    }
    jit_.add(std::move(kernel));
    ++report.kernels;
  }

  kernel::Kernel lower_fused(const Op& op, int number) const {
    std::vector<kernel::Strides> inputs, outputs;
    for (const ValueId value : op.operands) inputs.push_back(plan_.places[value].strides);
    for (const ValueId value : op.results) outputs.push_back(plan_.places[value].strides);
    return kernel::lower(*op.body, inputs, outputs, kernel_name(*graph_, op, number));
  }

  // Makes every item, then plans again with the scratch they ask for.
  void make_items() {
    std::vector<std::size_t> scratch(graph_->ops.size(), 0);
    std::set<ValueId> filled;
    int next_kernel = 0;
    for (const std::uint32_t input : kept_.relaid()) relay(input);
    for (const OpId id : plan_.order) {
      const Op& op = graph_->ops[id];
      for (const ValueId operand : op.operands) fill_gaps(operand, filled);
      Entry entry = make_entry(op, next_kernel);
      entry.op = id;
      entry.values = op.operands;
      entry.values.insert(entry.values.end(), op.results.begin(), op.results.end());
      scratch[id] = entry.item->scratch_bytes();
      entries_.push_back(std::move(entry));
    }
    for (const ir::Output& output : graph_->outputs) fill_gaps(output.value, filled);
    const std::vector<OpId> order = plan_.order;
    plan_ = passes::make_plan(*graph_, scratch);
    check(order == plan_.order, "scratch changed the order of ops");
    std::size_t step = 0;
    for (Entry& entry : entries_)
      if (step < order.size() && entry.op == order[step]) entry.scratch_buffer = plan_.scratch_buffer[step++];
  }

  Entry make_entry(const Op& op, int& next_kernel) const {
    if (op.code == OpCode::fused) {
      const CompiledKernel& kernel = jit_.kernel(next_kernel++);
      return {std::make_unique<KernelItem>(kernel, threads_, shares_of(*graph_, op, kernel, threads_)),
              {},
              kNone,
              -1,
              kernel.name};
    }
    const std::string name = fmt::format("{} {}", ir::name(op.code), op.where.scope);
    if (is_similarity(op.code)) {
      std::vector<CompiledKernel> kernels;
      for (std::size_t i = 0; i < similarity_kernel_count(op.code); ++i) kernels.push_back(jit_.kernel(next_kernel++));
      return {make_similarity(*graph_, op, std::move(kernels), threads_), {}, kNone, -1, name};
    }
    const bool is_f32 = graph_->type(op.results[0]).dtype == ir::DType::f32;
    if (is_convolution(op.code) && is_f32) {
      Convolution convolution = convolution_of(*graph_, op, kept_.of_weights(op));
      convolution.winograd = winograd_;
      return {std::make_unique<PrimitiveItem>(make_convolution(convolution)), {}, kNone, -1, name};
    }
    if (op.code == OpCode::matmul && is_f32)
      return {std::make_unique<PrimitiveItem>(matmul_of(*graph_, op, plan_.places)), {}, kNone, -1, name};
    if (is_pooling_item(*graph_, op))
      return {std::make_unique<PoolingItem>(*graph_, op, threads_), {}, kNone, -1, name};
    return {std::make_unique<ReferenceItem>(*graph_, op), {}, kNone, -1, name};
  }

  // A kernel that others than convolutions read is copied to row-major order first.
  void relay(std::uint32_t index) {
    const ir::Input& input = graph_->inputs[index];
    const ir::Type& type = graph_->type(input.value);
    Entry entry{std::make_unique<RelayItem>(input.layout, type), {}, kNone, -1, "relay " + graph_->input_name(index)};
    entry.relays = index;
    entries_.push_back(std::move(entry));
    relay_offsets_[index] = 0;
  }

  // Before a pack is read, zeros go between its parts.
  void fill_gaps(ValueId value, std::set<ValueId>& filled) {
    const Op* pack = passes::pack_below(*graph_, value);
    if (!pack || !filled.insert(pack->results[0]).second) return;
    std::vector<passes::Gap> gaps = gaps_of(*graph_, *pack);
    if (gaps.empty()) return;
    const ValueId packed = pack->results[0];
    entries_.push_back(
        {std::make_unique<FillItem>(std::move(gaps)), {packed}, graph_->values[packed].op, -1, "fill gaps"});
  }

  void allocate() {
    std::size_t bytes = plan_.arena_bytes;
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
    for (auto& [index, offset] : relay_offsets_) offset = reserve(graph_->type(graph_->inputs[index].value));
    memory_ = HugeMemory(bytes);
    for (const std::size_t offset : input_offsets) input_memory_.push_back(memory_.data() + offset);
    for (const std::size_t offset : output_offsets) output_memory_.push_back(memory_.data() + offset);
  }

  void bind_all() {
    for (const Entry& entry : entries_) {
      std::vector<void*> pointers;
      for (const ValueId value : entry.values) pointers.push_back(pointer(value));
      if (entry.relays != kNone)
        pointers = {input_memory_[entry.relays], memory_.data() + relay_offsets_.at(entry.relays)};
      void* scratch =
          entry.scratch_buffer < 0 ? nullptr : memory_.data() + plan_.buffers[std::size_t(entry.scratch_buffer)].offset;
      entry.item->bind(pointers, scratch);
    }
  }

  void* pointer(ValueId value) const {
    const Place& place = plan_.places[value];
    std::byte* start = nullptr;
    switch (place.base) {
      case Place::Base::input:
        start = relay_offsets_.count(place.index) != 0 ? memory_.data() + relay_offsets_.at(place.index)
                                                       : static_cast<std::byte*>(input_memory_[place.index]);
        break;
      case Place::Base::output:
        start = static_cast<std::byte*>(output_memory_[place.index]);
        break;
      case Place::Base::buffer:
        start = memory_.data() + plan_.buffers[place.index].offset;
        break;
    }
    return start + place.offset * std::int64_t(ir::size_of(graph_->type(value).dtype));
  }

  ir::GraphPtr graph_;
  KeptLayouts kept_;
  int threads_;
  bool winograd_;
  Plan plan_;
  Jit jit_;
  std::vector<Entry> entries_;
  std::map<std::uint32_t, std::size_t> relay_offsets_;  // by input: its row-major copy
  HugeMemory memory_;                                   // arena, then inputs and outputs, then row-major copies
};

}  // namespace

passes::Target target() {
  passes::Target target;
  target.weights_layout = [](const Graph& graph, const Op& op) {
    return preferred_weights_layout(convolution_of(graph, op, ""));
  };
  return target;
}

std::unique_ptr<runtime::Program> make_program(ir::GraphPtr graph, int threads, bool winograd, CompileReport& report) {
  return std::make_unique<CpuProgram>(std::move(graph), threads, winograd, report);
}

}  // namespace weft::cpu
