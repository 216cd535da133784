// The legality of fused regions: one iteration space, one set of row axes, nothing reduced after a final reduction.
#include "passes/region.h"

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>

#include "ir/error.h"
#include "ir/window.h"

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

// Facts about one candidate region.
class Region {
 public:
  Region(const Graph& graph, const std::vector<OpId>& members) : graph_(graph), members_(members) {
    for (const OpId id : members) inside_.insert(id);
  }

  std::string why_not() {
    if (std::string reason = find_placed(); !reason.empty()) return reason;
    if (std::string reason = find_space(); !reason.empty()) return reason;
    find_row_reductions();
    if (std::string reason = check_rows(); !reason.empty()) return reason;
    return check_levels();
  }

 private:
  const Op& op(OpId id) const { return graph_.ops[id]; }
  bool is_member(ValueId value) const {
    const OpId id = graph_.values[value].op;
    return id != ir::kNone && inside_.count(id) != 0;
  }

  // Dims padded on the left with ones to the rank of the space.
  std::vector<std::int64_t> aligned(const Dims& dims) const {
    std::vector<std::int64_t> result(space_.size() - dims.size(), 1);
    for (const ir::Dim& dim : dims) result.push_back(ir::number(dim));
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
    std::set<OpId> used_in_place;
    for (OpId user = 0; user < graph_.ops.size(); ++user) {
      const bool reads = inside_.count(user) != 0 && ir::reads_elsewhere(op(user).code);
      if (reads || std::find(moved.begin(), moved.end(), user) != moved.end()) continue;
      for (const ValueId operand : op(user).operands) used_in_place.insert(graph_.values[operand].op);
    }
    for (const ir::Output& output : graph_.outputs) used_in_place.insert(graph_.values[output.value].op);
    for (const OpId id : members_)
      if (std::find(moved.begin(), moved.end(), id) == moved.end() || used_in_place.count(id) != 0)
        placed_.push_back(id);
    return {};
  }

  // Adds what makes the value inside the region, the four corners of a sample each time, so it must be cheap.
  std::string move(ValueId value, std::vector<OpId>& moved) const {
    const Op* maker = graph_.producer(value);
    if (!maker) return {};
    const OpId id = graph_.values[value].op;
    if (is_random(maker->code)) return "random numbers are drawn at their own places";
    if (inside_.count(id) == 0 || std::find(moved.begin(), moved.end(), id) != moved.end()) return {};
    if (ir::info(maker->code).kind == OpKind::reduce || maker->code == OpCode::affine_sample ||
        is_costly(maker->code) || moved.size() >= kMostMoved)
      return fmt::format("{} is not evaluated again at each place that is read", ir::name(maker->code));
    moved.push_back(id);
    for (const ValueId operand : maker->operands)
      if (std::string reason = move(operand, moved); !reason.empty()) return reason;
    return {};
  }

  std::string find_space() {
    for (const OpId id : placed_) {
      const auto joined = ir::broadcast(space_, loop_dims(graph_, op(id)));
      if (!joined)
        return fmt::format("{} loops over {}, the others over {}", ir::name(op(id).code),
                           to_string(loop_dims(graph_, op(id))), to_string(space_));
      space_ = *joined;
    }
    return {};
  }

  // Axes of a reduction, counted in the space.
  std::vector<std::int64_t> axes(const Op& reduce) const {
    const std::int64_t shift = std::int64_t(space_.size()) - std::int64_t(graph_.type(reduce.operands[0]).rank());
    std::vector<std::int64_t> result = reduce.attrs.integers(Attr::axes);
    for (std::int64_t& axis : result) axis += shift;
    return result;
  }

  // A reduction is a row reduction when something computed from it varies along its axes.
  void find_row_reductions() {
    for (const OpId id : placed_)
      if (ir::info(op(id).code).kind == OpKind::reduce && is_spread_again(id)) row_reduces_.insert(id);
    for (const OpId id : placed_)
      if (row_reduces_.empty() && is_window(op(id))) row_reduces_.insert(id);
    if (row_reduces_.empty() || !is_window(op(*row_reduces_.begin()))) return;
    has_windows_ = true;
    for (const OpId id : placed_)
      if (is_window(op(id)) && axes(op(id)) == axes(op(*row_reduces_.begin()))) row_reduces_.insert(id);
  }

  bool is_window(const Op& reduce) const {
    return ir::info(reduce.code).kind == OpKind::reduce && loop_dims(graph_, reduce) == space_ &&
           ir::is_window(aligned(space_), axes(reduce));
  }

  bool is_spread_again(OpId reduce) const {
    const std::vector<std::int64_t> reduced = axes(op(reduce));
    std::set<OpId> derived{reduce};
    for (const OpId id : placed_) {
      if (id <= reduce) continue;
      const bool uses = std::any_of(op(id).operands.begin(), op(id).operands.end(), [&](ValueId operand) {
        return is_member(operand) && derived.count(graph_.values[operand].op) != 0;
      });
      if (!uses) continue;
      derived.insert(id);
      const std::vector<std::int64_t> dims = aligned(loop_dims(graph_, op(id)));
      for (const std::int64_t axis : reduced)
        if (dims[std::size_t(axis)] != 1) return true;
    }
    return false;
  }

  std::string check_rows() const {
    std::optional<std::vector<std::int64_t>> rows;
    for (const OpId id : row_reduces_) {
      if (rows && *rows != axes(op(id))) return "its parts reduce rows along different axes";
      rows = axes(op(id));
    }
    if (!rows || has_windows_) return {};
    const std::vector<std::int64_t> space = aligned(space_);
    const std::int64_t first = rows->front();
    std::int64_t length = 1, outer = 1;
    for (std::int64_t axis = 0; axis < std::int64_t(space.size()); ++axis) {
      const bool reduced = std::find(rows->begin(), rows->end(), axis) != rows->end();
      if (axis >= first && !reduced && space[std::size_t(axis)] != 1) return "the reduced axes are not the innermost";
      (reduced ? length : outer) *= space[std::size_t(axis)];
    }
    if (length > kLongestRow)
      return fmt::format("a row of {} elements is read again and does not stay in the cache", length);
    if (outer == 1 && length > kLargestSingleRow)
      return fmt::format("all {} elements are one row, which one thread would do", length);
    return {};
  }

  // Values after a final reduction are complete only when the whole space is done: they can not be reduced again.
  std::string check_levels() const {
    std::set<OpId> final_level;
    for (const OpId id : placed_) {
      const bool after_final = std::any_of(op(id).operands.begin(), op(id).operands.end(), [&](ValueId operand) {
        return is_member(operand) && final_level.count(graph_.values[operand].op) != 0;
      });
      const bool reduces = ir::info(op(id).code).kind == OpKind::reduce;
      if (reduces && after_final) return "it reduces what is complete only at the end";
      if (after_final || (reduces && row_reduces_.count(id) == 0)) final_level.insert(id);
      if (!after_final && is_repeated(op(id)))
        return fmt::format("{} over {} would be computed again for every row of {}", ir::name(op(id).code),
                           to_string(loop_dims(graph_, op(id))), to_string(space_));
    }
    return {};
  }

  // Smaller than the space, but not constant along the innermost axis, where it would be computed once a row. What is
  // constant in each window is computed once a window.
  bool is_repeated(const Op& member) const {
    const std::vector<std::int64_t> dims = aligned(loop_dims(graph_, member));
    std::vector<std::int64_t> space = aligned(space_);
    if (dims == space) return false;
    if (has_windows_) {
      for (const std::int64_t axis : axes(op(*row_reduces_.begin()))) space[std::size_t(axis)] = 1;
      if (dims == space) return false;
      space = aligned(space_);
    }
    std::size_t inner = space.size();
    while (inner > 0 && space[inner - 1] == 1) --inner;
    return inner > 0 && dims[inner - 1] != 1;
  }

  const Graph& graph_;
  const std::vector<OpId>& members_;
  std::set<OpId> inside_;
  std::vector<OpId> placed_;  // the members that loop over the space
  std::set<OpId> row_reduces_;
  bool has_windows_ = false;  // the row reductions reduce windows (ir/window.h)
  Dims space_;
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

bool is_random(OpCode code) { return code == OpCode::random_uniform || code == OpCode::random_normal; }

bool is_costly(OpCode code) {
  constexpr OpCode kCostly[] = {OpCode::exp,  OpCode::expm1,   OpCode::log,     OpCode::log1p,
                                OpCode::tanh, OpCode::sigmoid, OpCode::sin,     OpCode::cos,
                                OpCode::erf,  OpCode::pow,     OpCode::softplus};
  return std::find(std::begin(kCostly), std::end(kCostly), code) != std::end(kCostly);
}

const Dims& loop_dims(const Graph& graph, const Op& op) {
  const bool reduces = ir::info(op.code).kind == OpKind::reduce;
  return graph.type(reduces ? op.operands[0] : op.results[0]).dims;
}

std::string why_not_one_kernel(const Graph& graph, const std::vector<OpId>& members) {
  return Region(graph, members).why_not();
}

}  // namespace weft::passes
