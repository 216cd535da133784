// Moves that join kernels; repeat.cpp has those that repeat work.
#include "passes/fuse/search.h"

#include <algorithm>

namespace weft::passes {

using ir::kNone;
using ir::OpId;
using ir::ValueId;

Search::Search(const kernel::RegionGraph& regions)
    : regions_(regions),
      graph_(regions.graph()),
      partition_(graph_, regions.users()),
      is_fused_(graph_.ops.size(), false),
      is_plain_(graph_.ops.size(), false),
      price_(graph_.ops.size(), 0),
      again_(graph_.values.size()) {
  for (OpId id = 0; id < graph_.ops.size(); ++id) {
    const ir::Op& op = graph_.ops[id];
    is_fused_[id] = kernel::is_kernel_op(graph_, op) && !is_free_source(graph_, op);
    is_plain_[id] = is_fused_[id] && !kernel::is_reduce(op.code) && !ir::reads_elsewhere(op.code);
  }
  for (OpId id = 0; id < graph_.ops.size(); ++id) join_makers(id);
  for (ValueId value = 0; value < graph_.values.size(); ++value) join_readers(value);
  for (bool moved = true; moved;) {
    moved = false;
    for (ValueId value = 0; value < graph_.values.size(); ++value) moved = repeat(value) || moved;
  }
}

std::int64_t Search::traffic(ValueId value) const {
  const ir::Type& type = graph_.type(value);
  return type.elements() > 1 ? std::int64_t(type.bytes()) : 0;
}

void Search::join_makers(OpId id) {
  if (kernel_of(id) == kNone) return;
  for (const ValueId operand : graph_.ops[id].operands) {
    const OpId maker = graph_.values[operand].op;
    if (maker != kNone && kernel_of(maker) != kNone) try_to_join(kernel_of(maker), kernel_of(id));
  }
}

// Many readers fill several kernels.
void Search::join_readers(ValueId value) {
  if (traffic(value) == 0) return;
  const std::vector<OpId>& readers = regions_.users(value);
  for (std::size_t first = 0, i = 1; i < readers.size(); ++i) {
    if (!reads_fully(readers[first], value)) break;
    if (!reads_fully(readers[i], value)) continue;
    const std::uint32_t a = kernel_of(readers[first]), b = kernel_of(readers[i]);
    if (!try_to_join(a, b) && a != b && is_too_large(a, b)) first = i;
  }
}

bool Search::reads_fully(OpId reader, ValueId value) const {
  return kernel_of(reader) != kNone && kernel::loop_dims(graph_, graph_.ops[reader]) == graph_.type(value).dims;
}

bool Search::try_to_join(std::uint32_t a, std::uint32_t b) {
  if (a == b || is_too_large(a, b)) return false;
  const Price more = price_of_joining(a, b);
  if (more.bytes > 0) {
    double saved = 0;
    for (const Saving& saving : saved_by_joining(a, b)) saved += double(saving.bytes);
    if (more.bytes >= saved) return false;
  }
  const bool is_plain = are_plain_alike(a, b);
  if (!partition_.merge(a, b)) return false;
  is_plain_[a] = is_plain;
  price_[a] += price_[b] + more.bytes;
  return true;
}

bool Search::is_too_large(std::uint32_t a, std::uint32_t b) const {
  return members(a).size() + members(b).size() > kMostMembers;
}

bool Search::are_plain_alike(std::uint32_t a, std::uint32_t b) const {
  return is_plain_[a] && is_plain_[b] && regions_.loop_sizes(members(a)[0]) == regions_.loop_sizes(members(b)[0]);
}

Price Search::price_of_joining(std::uint32_t a, std::uint32_t b) const {
  if (are_plain_alike(a, b)) return {};
  std::vector<OpId> both(members(a).size() + members(b).size());
  std::merge(members(a).begin(), members(a).end(), members(b).begin(), members(b).end(), both.begin());
  Price more = price(regions_, both);
  more.bytes -= price_[a] + price_[b];
  return more;
}

std::vector<Saving> Search::saved_by_joining(std::uint32_t a, std::uint32_t b) const {
  std::vector<Saving> all;
  std::set<ValueId> read_by_a;
  const auto add = [&](std::uint32_t reader, std::uint32_t other, ValueId value) {
    const OpId maker = graph_.values[value].op;
    if (maker != kNone && is_free_source(graph_, graph_.ops[maker])) return;
    const std::uint32_t home = maker == kNone ? kNone : kernel_of(maker);
    if (home != other && (home == reader || reader == a || read_by_a.count(value) == 0)) return;
    all.push_back({value, reader, traffic(value)});
    const std::vector<OpId>& users = regions_.users(value);
    const auto is_inside = [&](OpId user) { return kernel_of(user) == a || kernel_of(user) == b; };
    if (home == other && !regions_.is_output(value) && std::all_of(users.begin(), users.end(), is_inside))
      all.push_back({value, home, traffic(value)});
  };
  for (const ValueId value : read_by_a = values_read(a)) add(a, b, value);
  for (const ValueId value : values_read(b)) add(b, a, value);
  return all;
}

std::set<ValueId> Search::values_read(std::uint32_t kernel) const {
  std::set<ValueId> read;
  for (const OpId id : members(kernel)) read.insert(graph_.ops[id].operands.begin(), graph_.ops[id].operands.end());
  return read;
}

}  // namespace weft::passes
