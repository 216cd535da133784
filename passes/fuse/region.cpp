// Which ops are worth one kernel: rows fit in the cache, and nothing is recomputed for every row.
#include "passes/fuse/region.h"

#include <algorithm>
#include <bit>

#include "ir/error.h"

namespace weft::passes {

using ir::Graph;
using ir::Op;
using ir::OpCode;
using ir::OpId;
using ir::OpKind;
using ir::ValueId;
using kernel::DimSet;
using kernel::Region;

namespace {

constexpr std::int64_t kLongestRow = 1 << 16;     // floats of a row that is read twice: it should fit in a core's cache
constexpr std::size_t kMostMoved = 8;             // ops recomputed for every read
constexpr std::int64_t kLargestSingleRow = 4096;  // if there is only one row, one thread processes it

// Reasons against one kernel for a region.
class Objections {
 public:
  Objections(const Graph& graph, const Region& region, const std::vector<OpId>& members)
      : graph_(graph), region_(region), members_(members) {}

  std::string find() const {
    if (std::string reason = of_moved(); !reason.empty()) return reason;
    if (!region_.why_not().empty()) return region_.why_not();
    if (std::string reason = of_rows(); !reason.empty()) return reason;
    return of_order();
  }

 private:
  const Op& op(OpId id) const { return graph_.ops[id]; }

  // What gather and affine_sample read is evaluated where they read it.
  std::string of_moved() const {
    std::vector<OpId> moved;
    for (const OpId id : members_) {
      if (!ir::reads_elsewhere(op(id).code)) continue;
      if (op(id).code == OpCode::affine_sample && region_.makes(op(id).operands[1]))
        return "affine_sample reads theta from memory";
      for (const ValueId operand : op(id).operands)
        if (region_.makes(operand))
          if (std::string reason = move(operand, moved); !reason.empty()) return reason;
    }
    return {};
  }

  // Adds the ops that compute the value inside the region; each sample evaluates them four times, so they must be
  // cheap.
  std::string move(ValueId value, std::vector<OpId>& moved) const {
    const Op* maker = graph_.producer(value);
    if (!maker) return {};
    const OpId id = graph_.values[value].op;
    if (ir::has(maker->code, ir::Trait::random))
      return "random numbers must be stored before an op reads them at other indices";
    if (!region_.contains(id) || std::find(moved.begin(), moved.end(), id) != moved.end()) return {};
    if (kernel::is_reduce(maker->code) || maker->code == OpCode::affine_sample ||
        ir::has(maker->code, ir::Trait::costly) || moved.size() >= kMostMoved)
      return fmt::format("{} is too costly to recompute for every read", ir::name(maker->code));
    moved.push_back(id);
    for (const ValueId operand : maker->operands)
      if (std::string reason = move(operand, moved); !reason.empty()) return reason;
    return {};
  }

  std::string of_rows() const {
    const DimSet row = region_.row();
    if (row == 0 || region_.has_windows()) return {};
    std::int64_t length = 1, outer = 1;
    for (std::size_t d = 0; d < region_.sizes().size(); ++d)
      ((row & kernel::bit(int(d))) != 0 ? length : outer) *= region_.sizes()[d];
    const DimSet first = row & ~(row - 1);
    if ((region_.dims() & ~row) > first) return "the reduced axes are not the innermost";
    if (length > kLongestRow)
      return fmt::format("a row of {} elements is read twice and does not fit in the cache", length);
    if (outer == 1 && length > kLargestSingleRow)
      return fmt::format("all {} elements form one row, which one thread would process", length);
    return {};
  }

  // Values after a final reduction are complete only at the end of the whole space: no op of the region can reduce
  // them.
  std::string of_order() const {
    for (const OpId id : region_.placed()) {
      const bool after_final = region_.is_after_final(id);
      if (after_final && kernel::is_reduce(op(id).code)) return "it reduces values that are complete only at the end";
      if (!after_final && is_repeated(id))
        return fmt::format("{} over {} would be recomputed for every row of {}", ir::name(op(id).code),
                           to_string(loop_dims(graph_, op(id))),
                           to_string(ir::Dims(region_.sizes().begin(), region_.sizes().end())));
    }
    return {};
  }

  // Smaller than the space, but not constant along the innermost axis: every row would recompute it. Values constant in
  // each window are computed once per window.
  bool is_repeated(OpId member) const {
    const DimSet own = region_.extents(member), all = region_.dims();
    if (own == all || (region_.has_windows() && own == (all & ~region_.row()))) return false;
    return (own & std::bit_floor(all)) != 0;
  }

  const Graph& graph_;
  const Region& region_;
  const std::vector<OpId>& members_;
};

}  // namespace

bool is_recomputed(const Graph& graph, const Op& op) {
  if (ir::info(op.code).kind == OpKind::source) return true;
  if (op.code != OpCode::broadcast) return false;
  const Op* source = graph.producer(op.operands[0]);
  return source && source->code == OpCode::constant;
}

std::string Regions::why_not(const std::vector<OpId>& members) const {
  const Region region(*this, members);
  return Objections(graph(), region, members).find();
}

}  // namespace weft::passes
