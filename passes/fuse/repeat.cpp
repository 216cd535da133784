// Moves that let readers compute a value again.
#include <algorithm>

#include "ir/kernel/window.h"
#include "passes/fuse/search.h"

namespace weft::passes {

using ir::kNone;
using ir::Op;
using ir::OpCode;
using ir::OpId;
using ir::ValueId;

bool Search::computes(std::uint32_t kernel, ValueId value) const {
  const OpId maker = graph_.values[value].op;
  return maker != kNone && kernel != kNone && (kernel_of(maker) == kernel || again_[value].count(kernel) != 0);
}

std::set<std::uint32_t> Search::readers(ValueId value) const {
  std::set<std::uint32_t> all;
  for (const OpId user : regions_.users(value)) {
    if (kernel_of(user) == kNone) continue;
    all.insert(kernel_of(user));
    const std::set<std::uint32_t>& again = again_[graph_.ops[user].results[0]];
    all.insert(again.begin(), again.end());
  }
  std::erase_if(all, [&](std::uint32_t kernel) { return computes(kernel, value); });
  return all;
}

// The ops that a kernel computes: its own and those of others.
std::set<OpId> Search::held(std::uint32_t kernel) const {
  std::set<OpId> ops;
  std::vector<OpId> open = members(kernel);
  while (!open.empty()) {
    const OpId id = open.back();
    open.pop_back();
    if (!ops.insert(id).second) continue;
    for (const ValueId operand : graph_.ops[id].operands)
      if (computes(kernel, operand)) open.push_back(graph_.values[operand].op);
  }
  return ops;
}

// All that read it compute it again, or none.
bool Search::repeat(ValueId value) {
  const OpId maker = graph_.values[value].op;
  if (maker == kNone || kernel_of(maker) == kNone) return false;
  const std::uint32_t home = kernel_of(maker);
  const std::set<std::uint32_t> readers = this->readers(value);
  if (readers.empty() || is_stored(value)) return false;
  double gain = double(traffic(value)) * double(readers.size() + 1);
  Again again;
  if (!add(home, value, gain / double(readers.size()), again)) return false;
  for (const std::uint32_t reader : readers) gain -= gain > 0 ? price_of_repeating(reader, again) : 0;
  if (gain <= 0) return false;
  for (const ValueId each : again.inside) again_[each].insert(readers.begin(), readers.end());
  return true;
}

// Whether the value is in memory in any case, because an unfused op or the caller reads it.
bool Search::is_stored(ValueId value) const {
  const std::vector<OpId>& users = regions_.users(value);
  return regions_.is_output(value) ||
         std::any_of(users.begin(), users.end(), [&](OpId user) { return kernel_of(user) == kNone; });
}

// Adds what the value is computed from in its kernel. False if that is too much work, or needs a sample or a reduction
// that is neither in memory nor a window: the order of its sum depends on its kernel.
bool Search::add(std::uint32_t home, ValueId value, double most_work, Again& again) const {
  const OpId id = graph_.values[value].op;
  if (id != kNone && is_free_source(graph_, graph_.ops[id])) return true;
  const bool is_reduce = id != kNone && kernel::is_reduce(graph_.ops[id].code);
  if (!computes(home, value) || (is_reduce && is_stored(value))) {
    again.loads.emplace_back(value, double(traffic(value)));
    return true;
  }
  const Op& op = graph_.ops[id];
  if (!again.inside.insert(value).second) return true;
  again.work += work(graph_, id);
  if (again.work > most_work || op.code == OpCode::affine_sample) return false;
  if (is_reduce && !ir::is_window(regions_.loop_sizes(id), op.attrs.integers(ir::Attr::axes))) return false;
  std::size_t first = 0;
  if (op.code == OpCode::gather) {  // from a table in memory, as many elements as its result has
    const ValueId table = op.operands[0];
    if (computes(home, table)) return false;
    again.loads.emplace_back(table, double(graph_.type(op.results[0]).bytes()));
    first = 1;
  }
  return std::all_of(op.operands.begin() + std::ptrdiff_t(first), op.operands.end(),
                     [&](ValueId operand) { return add(home, operand, most_work, again); });
}

double Search::price_of_repeating(std::uint32_t reader, const Again& again) const {
  double bytes = again.work;
  std::set<ValueId> counted;
  for (const auto& [value, size] : again.loads)
    if (size > 0 && !loads(reader, value) && counted.insert(value).second) bytes += size;
  std::set<OpId> ops = held(reader);
  const double before = price(regions_, {ops.begin(), ops.end()}).bytes;
  for (const ValueId value : again.inside) ops.insert(graph_.values[value].op);
  return bytes + price(regions_, {ops.begin(), ops.end()}).bytes - before;
}

bool Search::loads(std::uint32_t kernel, ValueId value) const {
  const std::vector<OpId>& users = regions_.users(value);
  return std::any_of(users.begin(), users.end(),
                     [&](OpId user) { return computes(kernel, graph_.ops[user].results[0]); });
}

}  // namespace weft::passes
