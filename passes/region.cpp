// The legality of fused regions: one iteration space, one set of row axes, nothing reduced after a final reduction.
#include "passes/region.h"

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>

#include "ir/error.h"

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

  std::string find_space() {
    for (const OpId id : members_) {
      const auto joined = ir::broadcast(space_, loop_dims(graph_, op(id)));
      if (!joined)
        return fmt::format("{} loops over {}, the others over {}", ir::name(op(id).code),
                           to_string(loop_dims(graph_, op(id))), to_string(space_));
      space_ = *joined;
    }
    for (const OpId id : members_) {
      if (op(id).code == OpCode::gather && (is_member(op(id).operands[0]) || is_member(op(id).operands[1])))
        return "a gather reads its table and indices from memory";
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
    for (const OpId id : members_)
      if (ir::info(op(id).code).kind == OpKind::reduce && is_spread_again(id)) row_reduces_.insert(id);
  }

  bool is_spread_again(OpId reduce) const {
    const std::vector<std::int64_t> reduced = axes(op(reduce));
    std::set<OpId> derived{reduce};
    for (const OpId id : members_) {
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
    if (!rows) return {};
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
    for (const OpId id : members_) {
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

  // Smaller than the space, but not constant along the innermost axis, where it would be computed once a row.
  bool is_repeated(const Op& member) const {
    const std::vector<std::int64_t> dims = aligned(loop_dims(graph_, member)), space = aligned(space_);
    if (dims == space) return false;
    std::size_t inner = space.size();
    while (inner > 0 && space[inner - 1] == 1) --inner;
    return inner > 0 && dims[inner - 1] != 1;
  }

  const Graph& graph_;
  const std::vector<OpId>& members_;
  std::set<OpId> inside_;
  std::set<OpId> row_reduces_;
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
      return op.code == OpCode::broadcast || op.code == OpCode::gather || is_reshape_of_scalar(graph, op);
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

std::string why_not_one_kernel(const Graph& graph, const std::vector<OpId>& members) {
  return Region(graph, members).why_not();
}

}  // namespace weft::passes
