// One iteration space, one set of row axes.
#include "ir/kernel/region.h"

#include <algorithm>
#include <bit>

#include "ir/error.h"
#include "ir/kernel/queries.h"
#include "ir/kernel/window.h"

namespace weft::kernel {

using ir::Attr;
using ir::Graph;
using ir::Op;
using ir::OpCode;
using ir::OpId;
using ir::OpKind;
using ir::ValueId;

bool is_reduce(OpCode code) { return ir::info(code).kind == OpKind::reduce; }

bool is_kernel_op(const Graph& graph, const Op& op) {
  switch (ir::info(op.code).kind) {
    case OpKind::elementwise:
    case OpKind::reduce:
    case OpKind::source:
      return true;
    case OpKind::movement:
      return op.code == OpCode::broadcast || ir::reads_elsewhere(op.code) ||
             (op.code == OpCode::reshape && graph.type(op.operands[0]).elements() == 1);
    case OpKind::contraction:
    case OpKind::pooling:
    case OpKind::structured:
      return false;
  }
  return false;
}

const ir::Dims& loop_dims(const Graph& graph, const Op& op) {
  return graph.type(is_reduce(op.code) ? op.operands[0] : op.results[0]).dims;
}

std::string describe(const Graph& graph, OpId id) {
  const Op& op = graph.ops[id];
  return fmt::format("{} {} -> {}", ir::name(op.code), to_string(graph.type(op.operands[0])),
                     to_string(graph.type(op.results[0])));
}

std::string instead_of_moving(const Op& reader, ValueId value) {
  return value == reader.operands[0] ? fmt::format("compute it after the {}", ir::name(reader.code)) : "";
}

RegionGraph::RegionGraph(const Graph& graph)
    : graph_(graph),
      users_(users_of(graph)),
      is_output_(graph.values.size(), false),
      position_(graph.ops.size(), ir::kNone) {
  for (const ir::Output& output : graph.outputs) is_output_[output.value] = true;
  for (const Op& op : graph.ops)
    loop_sizes_.push_back(is_kernel_op(graph, op) ? ir::numbers(loop_dims(graph, op)) : std::vector<std::int64_t>());
}

Region::Region(const RegionGraph& graph, const std::vector<OpId>& members)
    : graph_(graph),
      members_(members),
      extents_(members.size(), 0),
      is_row_reduce_(members.size(), false),
      is_final_(members.size(), false) {
  for (std::size_t i = 0; i < members.size(); ++i) graph.position_[members[i]] = std::uint32_t(i);
  find_placed();
  find_space();
  if (!why_not().empty()) return;
  find_row_reductions();
  if (!reduces_.empty()) find_final();
}

Region::~Region() {
  for (const OpId id : members_) graph_.position_[id] = ir::kNone;
}

// What gather and affine_sample read, and what that is made from, is evaluated where they read it; it loops over places
// of its own only for what else reads it.
void Region::find_placed() {
  const auto elsewhere = [&](OpId id) { return ir::reads_elsewhere(op(id).code); };
  if (std::none_of(members_.begin(), members_.end(), elsewhere)) {
    placed_ = members_;
    return;
  }
  find_moved();
  std::vector<bool> needed(members_.size(), false);
  for (std::size_t i = members_.size(); i-- > 0;) {
    const ValueId result = op(members_[i]).results[0];
    const auto is_outside = [&](OpId user) { return !contains(user); };
    const std::vector<OpId>& users = graph_.users(result);
    if (!needed[i] && !graph_.is_output(result) && std::none_of(users.begin(), users.end(), is_outside)) continue;
    placed_.push_back(members_[i]);
    if (elsewhere(members_[i])) continue;
    for (const ValueId operand : op(members_[i]).operands)
      if (makes(operand)) needed[position(graph_.graph().values[operand].op)] = true;
  }
  std::reverse(placed_.begin(), placed_.end());
}

// No reduction is moved, nor a random number, which is a function of its place.
void Region::find_moved() {
  for (const OpId reader : members_) {
    if (!ir::reads_elsewhere(op(reader).code)) continue;
    const std::string_view by = ir::name(op(reader).code);
    for (const ValueId value : op(reader).operands) {
      if (!makes(value)) continue;
      moved_.push_back({reader, value, makers(value)});
      for (const OpId id : moved_.back().makers) {
        const auto is_random = [&](OpId each) {
          return each != ir::kNone && ir::has(op(each).code, ir::Trait::random);
        };
        const auto is_drawn = [&](ValueId operand) { return is_random(graph_.graph().values[operand].op); };
        if (is_random(id) || std::ranges::any_of(op(id).operands, is_drawn))
          objection_ = {id, fmt::format("{} reads random numbers at computed places", by),
                        instead_of_moving(op(reader), value)};
        if (is_reduce(op(id).code))
          objection_ = {id, fmt::format("{} reads the result of {} at computed places", by, ir::name(op(id).code)),
                        instead_of_moving(op(reader), value)};
      }
    }
  }
}

std::vector<OpId> Region::makers(ValueId value) const {
  std::vector<bool> found(members_.size(), false);
  std::vector<OpId> all;
  const auto add = [&](ValueId each) {
    if (!makes(each) || found[position(graph_.graph().values[each].op)]) return;
    all.push_back(graph_.graph().values[each].op);
    found[position(all.back())] = true;
  };
  add(value);
  for (std::size_t i = 0; i < all.size(); ++i)
    for (const ValueId operand : op(all[i]).operands) add(operand);
  return all;
}

void Region::find_space() {
  for (const OpId id : placed_)
    if (!widen(graph_.loop_sizes(id))) {
      objection_ = {
          id,
          fmt::format("{} loops over {}, the others over {}", ir::name(op(id).code),
                      to_string(loop_dims(graph_.graph(), op(id))), to_string(ir::Dims(sizes_.begin(), sizes_.end()))),
          ""};
      return;
    }
  for (const OpId id : placed_) {
    const std::vector<std::int64_t>& sizes = graph_.loop_sizes(id);
    const std::size_t lead = sizes_.size() - sizes.size();
    for (std::size_t d = 0; d < sizes.size(); ++d)
      if (sizes[d] != 1) extents_[position(id)] |= bit(int(lead + d));
  }
}

// As numpy broadcasts.
bool Region::widen(const std::vector<std::int64_t>& sizes) {
  if (sizes == sizes_) return true;
  std::vector<std::int64_t> wide = sizes_;
  if (wide.size() < sizes.size()) wide.insert(wide.begin(), sizes.size() - wide.size(), 1);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    std::int64_t& size = wide[wide.size() - sizes.size() + i];
    if (size != 1 && sizes[i] != 1 && size != sizes[i]) return false;
    if (size == 1) size = sizes[i];
  }
  sizes_ = std::move(wide);
  return true;
}

DimSet Region::dims() const {
  DimSet set = 0;
  for (std::size_t d = 0; d < sizes_.size(); ++d)
    if (sizes_[d] != 1) set |= bit(int(d));
  return set;
}

DimSet Region::reduced(OpId reduce) const {
  const int lead = int(sizes_.size() - graph_.loop_sizes(reduce).size());
  DimSet set = 0;
  for (const std::int64_t axis : op(reduce).attrs.integers(Attr::axes)) set |= bit(lead + int(axis));
  return set & extents(reduce);
}

// A reduction is a row reduction if something computed from it varies along its axes. Where there is none, windows are
// rows.
void Region::find_row_reductions() {
  std::copy_if(placed_.begin(), placed_.end(), std::back_inserter(reduces_),
               [&](OpId id) { return is_reduce(op(id).code); });
  if (reduces_.empty()) return;
  find_spread_again();
  const auto is_row = [&](OpId id) { return is_row_reduce(id); };
  auto first = std::find_if(reduces_.begin(), reduces_.end(), is_row);
  if (first == reduces_.end())
    first = std::find_if(reduces_.begin(), reduces_.end(), [&](OpId id) { return is_window(id); });
  if (first == reduces_.end()) return;
  has_windows_ = is_window(*first);
  for (const OpId id : reduces_) {
    if (has_windows_ && is_window(id) && reduced(id) == reduced(*first)) is_row_reduce_[position(id)] = true;
    if (is_row(id)) row_ |= reduced(id);
  }
  for (const OpId id : reduces_)
    if (is_row(id) && reduced(id) != (extents(id) & row_)) refuse_rows(id);
}

// Two reductions of different dims, each of which something at every element waits for: the one of more dims is in the
// way.
void Region::refuse_rows(OpId some) {
  const auto differs = [&](OpId id) { return is_row_reduce(id) && reduced(id) != (reduced(some) & extents(id)); };
  const OpId other = *std::find_if(reduces_.begin(), reduces_.end(), differs);
  const bool is_other = std::popcount(reduced(other)) > std::popcount(reduced(some));
  objection_ = {
      is_other ? other : some,
      fmt::format("{} and {} reduce rows along different dims", describe(graph_.graph(), is_other ? other : some),
                  describe(graph_.graph(), is_other ? some : other)),
      kReduceRows};
}

// From the last op to the first: along which dims of the space anything computed from each extends.
void Region::find_spread_again() {
  std::vector<DimSet> spread(members_.size(), 0);
  for (std::size_t i = placed_.size(); i-- > 0;) {
    const OpId id = placed_[i];
    const DimSet mine = spread[position(id)];
    if (is_reduce(op(id).code) && (mine & reduced(id)) != 0) is_row_reduce_[position(id)] = true;
    for (const ValueId operand : op(id).operands)
      if (makes(operand)) spread[position(graph_.graph().values[operand].op)] |= mine | extents(id);
  }
}

bool Region::is_window(OpId reduce) const {
  const std::vector<int> set = list(reduced(reduce));
  return extents(reduce) == dims() && ir::is_window(sizes_, {set.begin(), set.end()});
}

void Region::find_final() {
  for (const OpId id : placed_)
    is_final_[position(id)] = is_after_final(id) || (is_reduce(op(id).code) && !is_row_reduce(id));
}

bool Region::is_after_final(OpId id) const {
  const std::vector<ValueId>& operands = op(id).operands;
  return std::any_of(operands.begin(), operands.end(), [&](ValueId operand) {
    return makes(operand) && is_final_[position(graph_.graph().values[operand].op)];
  });
}

}  // namespace weft::kernel
