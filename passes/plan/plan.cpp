// Order, lifetimes, in-place reuse and offsets.
#include "passes/plan/plan.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "ir/error.h"
#include "passes/plan/offsets.h"

namespace weft::passes {

using ir::Graph;
using ir::kNone;
using ir::Op;
using ir::OpCode;
using ir::OpId;
using ir::ValueId;

namespace {

bool runs(OpCode code) { return !is_view(code) && code != OpCode::pack && code != OpCode::concat; }

std::size_t rounded(std::size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

class Planner {
 public:
  Planner(const Graph& graph, const std::vector<std::size_t>& scratch) : graph_(graph), scratch_(scratch) {
    Placement placement = place_values(graph);
    check(placement.misfits.empty(), "make_plan: run copies first");
    plan_.places = std::move(placement.places);
  }

  Plan run() {
    find_dependencies();
    plan_.order = low_peak_order();
    find_buffers();
    find_lifetimes();
    add_scratch();
    plan_.naive_bytes = sum_of_buffers();
    share_in_place();
    assign_offsets();
    plan_.lower_bound_bytes = lower_bound();
    return std::move(plan_);
  }

 private:
  // The ops that compute an op's operands, seen through views and assemblies; for the writer of donated memory, also
  // all other readers of the old value.
  void find_dependencies() {
    needs_.resize(graph_.ops.size());
    for (OpId id = 0; id < graph_.ops.size(); ++id)
      for (const ValueId operand : graph_.ops[id].operands) add_makers(operand, needs_[id]);
    const std::vector<std::vector<OpId>> readers = readers_of_inputs();
    for (const ir::Output& output : graph_.outputs) {
      if (output.donates == kNone) continue;
      std::set<OpId> writers;
      add_makers(output.value, writers);
      for (const OpId id : readers[output.donates]) {
        if (writers.count(id) != 0) continue;
        for (const OpId writer : writers)
          if (needs_[id].count(writer) == 0) needs_[writer].insert(id);
      }
    }
  }

  // By input: the ops that read its memory, each once, in order.
  std::vector<std::vector<OpId>> readers_of_inputs() const {
    std::vector<std::vector<OpId>> readers(graph_.inputs.size());
    for (OpId id = 0; id < graph_.ops.size(); ++id) {
      if (!runs(graph_.ops[id].code)) continue;
      for (const ValueId operand : graph_.ops[id].operands) {
        const Place& place = plan_.places[operand];
        if (place.base != Place::Base::input) continue;
        std::vector<OpId>& of_input = readers[place.index];
        if (of_input.empty() || of_input.back() != id) of_input.push_back(id);
      }
    }
    return readers;
  }

  void add_makers(ValueId value, std::set<OpId>& makers) const {
    const OpId id = graph_.values[value].op;
    if (id == kNone) return;
    if (runs(graph_.ops[id].code)) {
      makers.insert(id);
      return;
    }
    for (const ValueId operand : graph_.ops[id].operands) add_makers(operand, makers);
  }

  // As written, except that ops wait for the readers of memory they overwrite.
  std::vector<OpId> written_order() const {
    std::vector<OpId> order;
    std::vector<int> state(graph_.ops.size(), 0);
    const auto visit = [&](const auto& self, OpId id) -> void {
      if (state[id] == 2) return;
      check(state[id] == 0, "make_plan: ops depend on each other");
      state[id] = 1;
      for (const OpId needed : needs_[id]) self(self, needed);
      state[id] = 2;
      order.push_back(id);
    };
    for (OpId id = 0; id < graph_.ops.size(); ++id)
      if (runs(graph_.ops[id].code)) visit(visit, id);
    return order;
  }

  // Always runs the ready op that leaves the fewest bytes in memory; ties go to the first as written.
  std::vector<OpId> greedy_order() const {
    const std::vector<OpId> all = written_order();
    std::vector<std::vector<OpId>> readers(graph_.ops.size());
    std::vector<std::size_t> left(graph_.ops.size(), 0), missing(graph_.ops.size(), 0), place(graph_.ops.size(), 0);
    std::vector<std::int64_t> growth(graph_.ops.size(), 0);
    for (std::size_t i = 0; i < all.size(); ++i) {
      place[all[i]] = i;
      missing[all[i]] = needs_[all[i]].size();
      growth[all[i]] = result_bytes(all[i]);
      for (const OpId needed : needs_[all[i]]) readers[needed].push_back(all[i]);
    }
    std::vector<bool> done(graph_.ops.size(), false);
    std::set<std::pair<std::int64_t, std::size_t>> ready;  // growth, place
    const auto only_reader_left = [&](OpId needed) {
      const auto found =
          std::find_if(readers[needed].begin(), readers[needed].end(), [&](OpId id) { return !done[id]; });
      const bool is_ready = missing[*found] == 0;
      if (is_ready) ready.erase({growth[*found], place[*found]});
      growth[*found] -= result_bytes(needed);
      if (is_ready) ready.insert({growth[*found], place[*found]});
    };
    for (const OpId id : all) left[id] = readers[id].size();
    for (const OpId id : all)
      if (left[id] == 1) only_reader_left(id);
    for (const OpId id : all)
      if (missing[id] == 0) ready.insert({growth[id], place[id]});
    std::vector<OpId> order;
    while (!ready.empty()) {
      const OpId id = all[ready.begin()->second];
      ready.erase(ready.begin());
      done[id] = true;
      order.push_back(id);
      for (const OpId needed : needs_[id])
        if (--left[needed] == 1) only_reader_left(needed);
      for (const OpId reader : readers[id])
        if (--missing[reader] == 0) ready.insert({growth[reader], place[reader]});
    }
    check(order.size() == all.size(), "make_plan: ops depend on each other");
    return order;
  }

  // Bytes of an op's own buffers; parts of a pack live as long as the pack in any order.
  std::int64_t result_bytes(OpId id) const {
    std::int64_t bytes = 0;
    for (const ValueId result : graph_.ops[id].results)
      if (plan_.places[result].base == Place::Base::buffer && plan_.places[result].index == result)
        bytes += std::int64_t(graph_.type(result).bytes());
    return bytes;
  }

  // The written order keeps values in the caches, so the greedy order must save memory to replace it.
  std::vector<OpId> low_peak_order() {
    std::vector<OpId> written = written_order(), greedy = greedy_order();
    const std::size_t written_peak = peak(written), greedy_peak = peak(greedy);
    return double(greedy_peak) < 0.95 * double(written_peak) ? greedy : written;
  }

  std::size_t peak(const std::vector<OpId>& order) {
    plan_.order = order;
    find_buffers();
    find_lifetimes();
    return lower_bound();
  }

  void find_buffers() {
    plan_.buffers.clear();
    buffer_of_.assign(graph_.values.size(), -1);
    for (ValueId value = 0; value < graph_.values.size(); ++value) {
      const Place& place = plan_.places[value];
      if (place.base != Place::Base::buffer || place.index != value) continue;
      buffer_of_[value] = int(plan_.buffers.size());
      plan_.buffers.push_back({rounded(graph_.type(value).bytes()), 0, int(plan_.order.size()), -1, value});
    }
    shared_with_.resize(plan_.buffers.size());
    std::iota(shared_with_.begin(), shared_with_.end(), 0);
  }

  void find_lifetimes() {
    for (int step = 0; step < int(plan_.order.size()); ++step) {
      const Op& op = graph_.ops[plan_.order[std::size_t(step)]];
      for (const ValueId value : op.operands) touch(value, step);
      for (const ValueId value : op.results) touch(value, step);
    }
  }

  void touch(ValueId value, int step) {
    const Place& place = plan_.places[value];
    if (place.base != Place::Base::buffer) return;
    Buffer& buffer = plan_.buffers[std::size_t(buffer_of(place.index))];
    buffer.first = std::min(buffer.first, step);
    buffer.last = std::max(buffer.last, step);
  }

  // A fused result reuses the memory of an operand at its last read, if it reads that operand in place.
  void share_in_place() {
    for (int step = 0; step < int(plan_.order.size()); ++step) {
      const Op& op = graph_.ops[plan_.order[std::size_t(step)]];
      if (op.code != OpCode::fused) continue;
      std::set<int> taken;  // buffers
      for (const ValueId result : op.results) {
        if (plan_.places[result].base != Place::Base::buffer || plan_.places[result].index != result) continue;
        for (std::uint32_t i = 0; i < op.operands.size(); ++i)
          if (can_share(op, result, i, step) && taken.insert(buffer_of(plan_.places[op.operands[i]].index)).second) {
            share(result, op.operands[i]);
            break;
          }
      }
    }
  }

  bool can_share(const Op& op, ValueId result, std::uint32_t operand, int step) {
    const ValueId source = op.operands[operand];
    const Place& from = plan_.places[source];
    if (from.base != Place::Base::buffer || from.offset != 0 || graph_.type(source) != graph_.type(result))
      return false;
    if (from.strides != plan_.places[result].strides || !reads_in_place(op, operand)) return false;
    const Buffer& buffer = plan_.buffers[std::size_t(buffer_of(from.index))];
    // Another operand may read the same memory at other indices.
    for (std::uint32_t i = 0; i < op.operands.size(); ++i)
      if (i != operand && plan_.places[op.operands[i]].same_memory(from) && op.operands[i] != source) return false;
    return buffer.last == step && buffer.bytes == rounded(graph_.type(result).bytes());
  }

  void share(ValueId result, ValueId source) {
    const int from = buffer_of(result), into = buffer_of(plan_.places[source].index);
    plan_.buffers[std::size_t(into)].last =
        std::max(plan_.buffers[std::size_t(into)].last, plan_.buffers[std::size_t(from)].last);
    plan_.buffers[std::size_t(from)].bytes = 0;
    shared_with_[std::size_t(from)] = into;
  }

  // The buffer of the value, or the one it shares.
  int buffer_of(ValueId made) {
    int buffer = buffer_of_[made];
    while (shared_with_[std::size_t(buffer)] != buffer) {
      int& next = shared_with_[std::size_t(buffer)];
      next = shared_with_[std::size_t(next)];
      buffer = next;
    }
    return buffer;
  }

  void add_scratch() {
    plan_.scratch_buffer.assign(plan_.order.size(), -1);
    for (int step = 0; step < int(plan_.order.size()); ++step) {
      const OpId id = plan_.order[std::size_t(step)];
      if (id >= scratch_.size() || scratch_[id] == 0) continue;
      plan_.scratch_buffer[std::size_t(step)] = int(plan_.buffers.size());
      plan_.buffers.push_back({rounded(scratch_[id]), 0, step, step, kNone});
    }
  }

  std::size_t sum_of_buffers() const {
    return std::accumulate(plan_.buffers.begin(), plan_.buffers.end(), std::size_t(0),
                           [](std::size_t sum, const Buffer& buffer) { return sum + buffer.bytes; });
  }

  std::size_t lower_bound() const {
    std::vector<std::size_t> starts(plan_.order.size() + 1, 0), ends(plan_.order.size() + 1, 0);
    for (const Buffer& buffer : plan_.buffers) {
      if (buffer.last < buffer.first) continue;
      starts[std::size_t(buffer.first)] += buffer.bytes;
      ends[std::size_t(buffer.last)] += buffer.bytes;
    }
    std::size_t in_use = 0, most = 0;
    for (std::size_t step = 0; step < starts.size(); ++step) {
      most = std::max(most, in_use += starts[step]);
      in_use -= ends[step];
    }
    return most;
  }

  // Largest first, each at the lowest offset that is free for its whole lifetime.
  void assign_offsets() {
    std::vector<std::size_t> by_size(plan_.buffers.size());
    std::iota(by_size.begin(), by_size.end(), 0);
    std::stable_sort(by_size.begin(), by_size.end(),
                     [&](std::size_t a, std::size_t b) { return plan_.buffers[a].bytes > plan_.buffers[b].bytes; });
    Offsets offsets(int(plan_.order.size()));
    for (const std::size_t index : by_size) {
      Buffer& buffer = plan_.buffers[index];
      if (buffer.bytes == 0) continue;
      if (buffer.first <= buffer.last) buffer.offset = offsets.place(buffer.bytes, buffer.first, buffer.last);
      plan_.arena_bytes = std::max(plan_.arena_bytes, buffer.offset + buffer.bytes);
    }
    for (Place& place : plan_.places)
      if (place.base == Place::Base::buffer) place.index = std::uint32_t(buffer_of(place.index));
  }

  const Graph& graph_;
  const std::vector<std::size_t>& scratch_;
  Plan plan_;
  std::vector<std::set<OpId>> needs_;
  std::vector<int> buffer_of_;    // by the value computed in it
  std::vector<int> shared_with_;  // by buffer: the one that contains it, or itself
};

}  // namespace

Plan make_plan(const Graph& graph, const std::vector<std::size_t>& scratch_bytes) {
  return Planner(graph, scratch_bytes).run();
}

const ir::Op* pack_below(const ir::Graph& graph, ir::ValueId value) {
  const ir::Op* op = graph.producer(value);
  while (op && is_view(op->code)) op = graph.producer(op->operands[0]);
  return op && op->code == ir::OpCode::pack ? op : nullptr;
}

std::vector<Gap> gaps_of(const ir::Graph& graph, const ir::Op& pack) {
  const std::size_t size = ir::size_of(graph.type(pack.results[0]).dtype);
  std::vector<std::pair<std::size_t, std::size_t>> parts;  // begin and end, in elements
  const auto offsets = pack.attrs.integers(ir::Attr::offsets);
  for (std::size_t i = 0; i < offsets.size(); ++i)
    parts.emplace_back(offsets[i], offsets[i] + graph.type(pack.operands[i]).elements());
  parts.emplace_back(graph.type(pack.results[0]).elements(), 0);
  std::sort(parts.begin(), parts.end());
  std::vector<Gap> gaps;
  std::size_t end = 0;
  for (const auto& [first, last] : parts) {
    if (first > end) gaps.push_back({end * size, (first - end) * size});
    end = last;
  }
  return gaps;
}

double bytes_of(const ir::Graph& graph, const ir::Op& op) {
  double bytes = 0;
  for (const ir::ValueId value : op.operands) bytes += double(graph.type(value).bytes());
  for (const ir::ValueId value : op.results) bytes += double(graph.type(value).bytes());
  return bytes;
}

std::string print(const Plan& plan, const Graph& graph) {
  std::string text = fmt::format("{:<10}  {:>10}  {:>11}  value\n", "offset", "bytes", "steps");
  for (const Buffer& buffer : plan.buffers) {
    if (buffer.bytes == 0) continue;
    const std::string what =
        buffer.value == kNone ? "scratch"
                              : fmt::format("%{}: {}",
                                            graph.values[buffer.value].name.empty() ? fmt::format("{}", buffer.value)
                                                                                    : graph.values[buffer.value].name,
                                            to_string(graph.type(buffer.value)));
    text +=
        fmt::format("{:<10}  {:>10}  {:>5}-{:<5}  {}\n", buffer.offset, buffer.bytes, buffer.first, buffer.last, what);
  }
  return text + fmt::format("arena {} bytes, naive {} bytes, lower bound {} bytes\n", plan.arena_bytes,
                            plan.naive_bytes, plan.lower_bound_bytes);
}

}  // namespace weft::passes
