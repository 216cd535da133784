// The legality of fused regions: one iteration space, one set of row axes, nothing reduced after a final reduction.
#include "passes/fuse/region.h"

#include <algorithm>
#include <optional>

#include "ir/error.h"
#include "ir/kernel/window.h"

namespace weft::passes {

using ir::Attr;
using ir::Dims;
using ir::Graph;
using ir::Op;
using ir::OpCode;
using ir::OpId;
using ir::OpKind;
using ir::ValueId;

namespace {

constexpr std::int64_t kLongestRow = 1 << 16;  // floats of a row that is read again: it should stay in a core's cache
constexpr std::size_t kMostMoved = 8;          // ops evaluated again at each place that is read
constexpr std::int64_t kLargestSingleRow = 4096;  // where all is one row, one thread does the work

std::int64_t elements(const Dims& dims) {
  std::int64_t count = 1;
  for (const ir::Dim& dim : dims) count *= ir::number(dim);
  return count;
}

bool is_reshape_of_scalar(const Graph& graph, const Op& op) {
  return op.code == OpCode::reshape && elements(graph.type(op.operands[0]).dims) == 1;
}

using Sizes = std::vector<std::int64_t>;

// Facts about one candidate region. Sets of members are vectors by position among them.
class Region {
 public:
  Region(const Graph& graph, const Regions& regions, const std::vector<OpId>& members,
         const std::vector<std::uint32_t>& position)
      : graph_(graph), regions_(regions), members_(members), position_(position) {}

  std::string why_not() {
    if (std::string reason = find_placed(); !reason.empty()) return reason;
    if (std::string reason = find_space(); !reason.empty()) return reason;
    find_row_reductions();
    if (std::string reason = check_rows(); !reason.empty()) return reason;
    return check_levels();
  }

 private:
  const Op& op(OpId id) const { return graph_.ops[id]; }
  bool is_inside(OpId id) const { return id != ir::kNone && position_[id] != ir::kNone; }
  bool is_member(ValueId value) const { return is_inside(graph_.values[value].op); }
  std::size_t position(OpId member) const { return position_[member]; }
  bool is_row_reduce(OpId member) const { return is_row_reduce_[position(member)]; }

  // Sizes padded on the left with ones to the rank of the space.
  Sizes aligned(const Sizes& sizes) const {
    Sizes result(space_.size() - sizes.size(), 1);
    result.insert(result.end(), sizes.begin(), sizes.end());
    return result;
  }

  // What gather and affine_sample read, and what that is made from, is evaluated where they read it. Members with no
  // other use do not loop over places of their own: the others are `placed_`.
  std::string find_placed() {
    std::vector<OpId> moved;
    for (const OpId id : members_) {
      if (!ir::reads_elsewhere(op(id).code)) continue;
      if (op(id).code == OpCode::affine_sample && is_member(op(id).operands[1]))
        return "affine_sample reads theta from memory";
      for (const ValueId operand : op(id).operands)
        if (is_member(operand))
          if (std::string reason = move(operand, moved); !reason.empty()) return reason;
    }
    if (moved.empty()) {
      placed_ = members_;
      return {};
    }
    for (const OpId id : members_)
      if (std::find(moved.begin(), moved.end(), id) == moved.end() || is_used_in_place(id, moved))
        placed_.push_back(id);
    return {};
  }

  // Whether anything but a gather or sample of the region, or what moves with it, reads the result, or the caller does.
  bool is_used_in_place(OpId id, const std::vector<OpId>& moved) const {
    const ValueId result = op(id).results[0];
    if (regions_.is_output(result)) return true;
    const std::vector<OpId>& users = regions_.users(result);
    return std::any_of(users.begin(), users.end(), [&](OpId user) {
      const bool reads = is_inside(user) && ir::reads_elsewhere(op(user).code);
      return !reads && std::find(moved.begin(), moved.end(), user) == moved.end();
    });
  }

  // Adds what makes the value inside the region, the four corners of a sample each time, so it must be cheap.
  std::string move(ValueId value, std::vector<OpId>& moved) const {
    const Op* maker = graph_.producer(value);
    if (!maker) return {};
    const OpId id = graph_.values[value].op;
    if (ir::has(maker->code, ir::Trait::random)) return "random numbers are drawn at their own places";
    if (!is_inside(id) || std::find(moved.begin(), moved.end(), id) != moved.end()) return {};
    if (ir::info(maker->code).kind == OpKind::reduce || maker->code == OpCode::affine_sample ||
        ir::has(maker->code, ir::Trait::costly) || moved.size() >= kMostMoved)
      return fmt::format("{} is not evaluated again at each place that is read", ir::name(maker->code));
    moved.push_back(id);
    for (const ValueId operand : maker->operands)
      if (std::string reason = move(operand, moved); !reason.empty()) return reason;
    return {};
  }

  std::string find_space() {
    for (const OpId id : placed_)
      if (!widen(regions_.loop_sizes(id)))
        return fmt::format("{} loops over {}, the others over {}", ir::name(op(id).code),
                           to_string(loop_dims(graph_, op(id))), space_text());
    return {};
  }

  // As numpy broadcasts.
  bool widen(const Sizes& sizes) {
    if (sizes == space_) return true;
    Sizes wide = space_.size() < sizes.size() ? sizes : space_;
    const Sizes& other = space_.size() < sizes.size() ? space_ : sizes;
    const std::size_t lead = wide.size() - other.size();
    for (std::size_t i = 0; i < other.size(); ++i) {
      std::int64_t& size = wide[lead + i];
      if (size != 1 && other[i] != 1 && size != other[i]) return false;
      if (size == 1) size = other[i];
    }
    space_ = std::move(wide);
    return true;
  }

  std::string space_text() const { return to_string(Dims(space_.begin(), space_.end())); }

  // Axes of a reduction, counted in the space.
  Sizes axes(const Op& reduce) const {
    const std::int64_t shift = std::int64_t(space_.size()) - std::int64_t(graph_.type(reduce.operands[0]).rank());
    Sizes result = reduce.attrs.integers(Attr::axes);
    for (std::int64_t& axis : result) axis += shift;
    return result;
  }

  bool is_reduce(OpId id) const { return ir::info(op(id).code).kind == OpKind::reduce; }

  // A reduction is a row reduction when something computed from it varies along its axes.
  void find_row_reductions() {
    is_row_reduce_.assign(members_.size(), false);
    for (const OpId id : placed_)
      if (is_reduce(id)) reduces_.push_back(id);
    if (reduces_.empty()) return;
    find_spread_again();
    const auto is_row = [&](OpId id) { return is_row_reduce(id); };
    if (std::none_of(reduces_.begin(), reduces_.end(), is_row))
      for (const OpId id : reduces_)
        if (is_window(id)) {
          is_row_reduce_[position(id)] = true;
          break;
        }
    const auto first = std::find_if(reduces_.begin(), reduces_.end(), is_row);
    if (first == reduces_.end() || !is_window(*first)) return;
    window_axes_ = axes(op(*first));
    for (const OpId id : reduces_)
      if (is_window(id) && axes(op(id)) == *window_axes_) is_row_reduce_[position(id)] = true;
  }

  bool is_window(OpId reduce) const {
    return regions_.loop_sizes(reduce) == space_ && ir::is_window(space_, axes(op(reduce)));
  }

  // From the last op to the first: along which dims of the space anything computed from each extends.
  void find_spread_again() {
    std::vector<std::vector<bool>> spread(members_.size());
    for (std::size_t i = placed_.size(); i-- > 0;) {
      const OpId id = placed_[i];
      std::vector<bool>& mine = spread[position(id)];
      mine.resize(space_.size(), false);
      if (is_reduce(id))
        for (const std::int64_t axis : axes(op(id)))
          if (mine[std::size_t(axis)]) is_row_reduce_[position(id)] = true;
      const Sizes sizes = aligned(regions_.loop_sizes(id));
      for (std::size_t d = 0; d < sizes.size(); ++d)
        if (sizes[d] != 1) mine[d] = true;
      for (const ValueId operand : op(id).operands) {
        if (!is_member(operand)) continue;
        std::vector<bool>& source = spread[position(graph_.values[operand].op)];
        source.resize(space_.size(), false);
        for (std::size_t d = 0; d < mine.size(); ++d)
          if (mine[d]) source[d] = true;
      }
    }
  }

  std::string check_rows() const {
    std::optional<Sizes> rows;
    for (const OpId id : reduces_) {
      if (!is_row_reduce(id)) continue;
      if (rows && *rows != axes(op(id))) return "its parts reduce rows along different axes";
      rows = axes(op(id));
    }
    if (!rows || window_axes_) return {};
    const std::int64_t first = rows->front();
    std::int64_t length = 1, outer = 1;
    for (std::int64_t axis = 0; axis < std::int64_t(space_.size()); ++axis) {
      const bool reduced = std::find(rows->begin(), rows->end(), axis) != rows->end();
      if (axis >= first && !reduced && space_[std::size_t(axis)] != 1) return "the reduced axes are not the innermost";
      (reduced ? length : outer) *= space_[std::size_t(axis)];
    }
    if (length > kLongestRow)
      return fmt::format("a row of {} elements is read again and does not stay in the cache", length);
    if (outer == 1 && length > kLargestSingleRow)
      return fmt::format("all {} elements are one row, which one thread would do", length);
    return {};
  }

  // Values after a final reduction are complete only when the whole space is done: they can not be reduced again.
  std::string check_levels() const {
    std::vector<bool> is_final(members_.size(), false);
    for (const OpId id : placed_) {
      const bool after_final = std::any_of(op(id).operands.begin(), op(id).operands.end(), [&](ValueId operand) {
        return is_member(operand) && is_final[position(graph_.values[operand].op)];
      });
      const bool reduces = is_reduce(id);
      if (reduces && after_final) return "it reduces what is complete only at the end";
      if (after_final || (reduces && !is_row_reduce(id))) is_final[position(id)] = true;
      if (!after_final && is_repeated(id))
        return fmt::format("{} over {} would be computed again for every row of {}", ir::name(op(id).code),
                           to_string(loop_dims(graph_, op(id))), space_text());
    }
    return {};
  }

  // Smaller than the space, but not constant along the innermost axis, where it would be computed once a row. What is
  // constant in each window is computed once a window.
  bool is_repeated(OpId member) const {
    if (regions_.loop_sizes(member) == space_) return false;
    const Sizes sizes = aligned(regions_.loop_sizes(member));
    if (sizes == space_) return false;
    if (window_axes_) {
      Sizes windows = space_;
      for (const std::int64_t axis : *window_axes_) windows[std::size_t(axis)] = 1;
      if (sizes == windows) return false;
    }
    std::size_t inner = space_.size();
    while (inner > 0 && space_[inner - 1] == 1) --inner;
    return inner > 0 && sizes[inner - 1] != 1;
  }

  const Graph& graph_;
  const Regions& regions_;
  const std::vector<OpId>& members_;
  const std::vector<std::uint32_t>& position_;  // by op
  std::vector<OpId> placed_;                    // the members that loop over the space
  std::vector<OpId> reduces_;                   // of those
  std::vector<bool> is_row_reduce_;             // by position
  std::optional<Sizes> window_axes_;            // where the row reductions reduce windows (ir/kernel/window.h)
  Sizes space_;
};

}  // namespace

bool is_fusible(const Graph& graph, const Op& op) {
  switch (ir::info(op.code).kind) {
    case OpKind::elementwise:
    case OpKind::reduce:
    case OpKind::source:
      return true;
    case OpKind::movement:
      return op.code == OpCode::broadcast || ir::reads_elsewhere(op.code) || is_reshape_of_scalar(graph, op);
    case OpKind::contraction:
    case OpKind::pooling:
    case OpKind::structured:
      return false;
  }
  return false;
}

bool is_recomputed(const Graph& graph, const Op& op) {
  if (ir::info(op.code).kind == OpKind::source) return true;
  if (op.code != OpCode::broadcast) return false;
  const Op* source = graph.producer(op.operands[0]);
  return source && source->code == OpCode::constant;
}

const Dims& loop_dims(const Graph& graph, const Op& op) {
  const bool reduces = ir::info(op.code).kind == OpKind::reduce;
  return graph.type(reduces ? op.operands[0] : op.results[0]).dims;
}

Regions::Regions(const Graph& graph)
    : graph_(graph),
      users_(users_of(graph)),
      is_output_(graph.values.size(), false),
      position_(graph.ops.size(), ir::kNone) {
  for (const ir::Output& output : graph.outputs) is_output_[output.value] = true;
  for (const Op& op : graph.ops)
    loop_sizes_.push_back(is_fusible(graph, op) ? ir::numbers(loop_dims(graph, op)) : Sizes());
}

std::string Regions::why_not(const std::vector<OpId>& members) const {
  for (std::size_t i = 0; i < members.size(); ++i) position_[members[i]] = std::uint32_t(i);
  std::string reason = Region(graph_, *this, members, position_).why_not();
  for (const OpId id : members) position_[id] = ir::kNone;
  return reason;
}

}  // namespace weft::passes
