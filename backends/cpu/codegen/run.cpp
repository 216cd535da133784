// The function that runs a range of chunks: loops over rows and lanes, stages of a row, stores.
#include <algorithm>

#include "backends/cpu/codegen/accumulate.h"
#include "backends/cpu/codegen/kernel.h"
#include "backends/cpu/codegen/values.h"
#include "ir/error.h"

namespace weft::cpu {

using kernel::Level;
using kernel::Node;
using kernel::NodeId;
using kernel::NodeKind;

namespace {

class RunEmitter {
 public:
  RunEmitter(Code& code, const kernel::Kernel& kernel, const Plan& plan)
      : code_(code),
        kernel_(kernel),
        plan_(plan),
        function_(begin_function(code, kernel.name, {code.pointer, code.pointer, code.i64, code.i64})),
        values_(code, kernel, LLVMGetParam(function_, 0), kernel.lane),
        accumulators_(values_, code, kernel, plan, LLVMGetParam(function_, 1)) {}

  void run() {
    values_.keep(plan_);
    find_needed();
    EmitScope call;
    call.lane_groups.push_back({std::vector<Index>(kernel_.dims.size(), Index{code_.number(0), 0}), nullptr});
    hoist(call, 0);
    code_.loop(LLVMGetParam(function_, 2), LLVMGetParam(function_, 3), 1, "chunk",
               [&](LLVMValueRef chunk) { emit_chunk(call, chunk); });
    LLVMBuildRetVoid(code_.builder);
  }

 private:
  const Node& node(NodeId id) const { return kernel_.nodes[id]; }
  Kind kind(NodeId id) const { return kind_of(node(id).dtype); }

  // The nodes that this function evaluates; `finish` evaluates the others.
  void find_needed() {
    needed_.assign(kernel_.nodes.size(), false);
    auto visit = [&](NodeId id) {
      if (needed_[id]) return false;
      return bool(needed_[id] = true);
    };
    for (const kernel::Store& store : kernel_.stores)
      if (store.level != Level::final) walk(kernel_, store.value, visit);
    for (const Accumulator& each : plan_.accumulators) walk(kernel_, node(each.node).operands[0], visit);
  }

  // Evaluates in `scope` the nodes that are needed later and vary only along dims known here.
  void hoist(EmitScope& scope, kernel::DimSet known) {
    for (NodeId id = 0; id < kernel_.nodes.size(); ++id) {
      const Node& each = node(id);
      if (needed_[id] && is_free(each) && (each.varies & ~known) == 0) values_.get(scope, id, 0);
    }
  }

  // Chunks

  Range part(LLVMValueRef index, std::int64_t block, std::int64_t size) {
    LLVMValueRef begin = code_.multiply(index, code_.number(block));
    LLVMValueRef end = code_.add(begin, code_.number(block));
    return {begin, size % block == 0 ? end : code_.least(end, code_.number(size))};
  }

  void emit_chunk(EmitScope& call, LLVMValueRef chunk) {
    LLVMValueRef row_chunk = chunk, lane_chunk = code_.number(0);
    if (plan_.lane_chunks > 1) {
      row_chunk = LLVMBuildUDiv(code_.builder, chunk, code_.number(plan_.lane_chunks), "");
      lane_chunk = LLVMBuildURem(code_.builder, chunk, code_.number(plan_.lane_chunks), "");
    }
    lanes_ = plan_.lane_chunks > 1 ? part(lane_chunk, plan_.lane_block, plan_.lane_size)
                                   : Range{code_.number(0), code_.number(plan_.lane_size)};
    const Range rows = plan_.row_chunks > 1 ? part(row_chunk, plan_.rows_per_chunk, plan_.rows)
                                            : Range{code_.number(0), code_.number(plan_.rows)};
    accumulators_.begin_chunk(chunk, row_chunk, lanes_);
    emit_rows(call, rows);
    accumulators_.end_chunk();
  }

  // Rows, `row_unroll` at a time, then the rest.
  void emit_rows(EmitScope& call, const Range& rows) {
    if (plan_.rows == 1) return emit_row_group(call, code_.number(0), 1);
    const int unroll = plan_.row_unroll;
    LLVMValueRef whole_end = rows.end;
    const bool rest = unroll > 1 && plan_.rows % unroll != 0;
    if (rest) {
      LLVMValueRef count = LLVMBuildSub(code_.builder, rows.end, rows.begin, "");
      LLVMValueRef left = LLVMBuildURem(code_.builder, count, code_.number(unroll), "");
      whole_end = LLVMBuildSub(code_.builder, rows.end, left, "");
    }
    code_.loop(rows.begin, whole_end, unroll, "row", [&](LLVMValueRef row) { emit_row_group(call, row, unroll); });
    if (rest) code_.loop(whole_end, rows.end, 1, "row", [&](LLVMValueRef row) { emit_row_group(call, row, 1); });
  }

  // Row number `row` + `plus`.
  LaneGroup at_row(const LaneGroup& base, LLVMValueRef row, int plus) {
    LaneGroup lanes = base;
    if (plan_.outer.size() == 1) lanes.index[std::size_t(plan_.outer[0])] = {row, plus};
    if (plan_.outer.size() <= 1) return lanes;
    LLVMValueRef left = code_.add(row, code_.number(plus));
    for (std::size_t i = plan_.outer.size(); i-- > 0;) {
      const std::int64_t size = kernel_.dims[std::size_t(plan_.outer[i])].size;
      LLVMValueRef& index = lanes.index[std::size_t(plan_.outer[i])].base;
      index = i == 0 ? left : LLVMBuildURem(code_.builder, left, code_.number(size), "");
      if (i != 0) left = LLVMBuildUDiv(code_.builder, left, code_.number(size), "");
    }
    return lanes;
  }

  void emit_row_group(EmitScope& call, LLVMValueRef row, int count) {
    EmitScope rows;
    rows.parent = &call;
    kernel::DimSet known = 0;
    for (const int d : plan_.outer) known |= kernel::bit(d);
    for (int i = 0; i < count; ++i) {
      rows.lane_groups.push_back(at_row(call.lane_groups[0], row, i));
      rows.parent_group.push_back(0);
    }
    values_.set_stage(0);
    hoist(rows, known);
    accumulators_.begin_row();
    if (plan_.has_row && !plan_.lane_outer) {
      if (plan_.short_row)
        emit_short_row(rows);
      else
        emit_stages(rows, [&](auto body) { over_lanes(rows, body); });
      finish_rows(rows);
    } else if (plan_.has_row) {
      over_lanes(rows, [&](EmitScope& tile) {
        hoist(tile, known | (kernel_.lane >= 0 ? kernel::bit(kernel_.lane) : 0));
        if (plan_.window > 0)
          emit_windows(tile);
        else
          emit_stages(tile, [&](auto body) { over_row_dims(tile, 0, [&](EmitScope& points) { body(points); }); });
        finish_rows(tile);
      });
    } else {
      over_lanes(rows, [&](EmitScope& points) { finish_points(points); });
    }
    accumulators_.end_row(rows.lane_groups[0]);
  }

  // Lanes

  // Calls body(scope) for each vector of lanes around the outer scope's lane groups: unrolled, then the rest.
  template <typename Body>
  void over_lanes(EmitScope& outer, Body body) {
    if (kernel_.lane < 0) return body_at(outer, code_.number(0), 1, body, true);
    const std::int64_t step = std::int64_t(plan_.width) * plan_.lane_unroll;
    const Range lanes = plan_.lane_outer ? lanes_ : Range{code_.number(0), code_.number(plan_.lane_size)};
    const std::int64_t rest = plan_.lane_size % step;
    if (plan_.lane_chunks > 1) {  // only the last chunk has a remainder
      LLVMValueRef whole_end = lanes.end;
      if (rest != 0) {
        LLVMValueRef last = code_.compare(LLVMIntEQ, lanes.end, code_.number(plan_.lane_size));
        whole_end = LLVMBuildSelect(code_.builder, last, code_.number(plan_.lane_size - rest), lanes.end, "");
      }
      lane_loop(outer, lanes.begin, whole_end, body);
      if (rest != 0)
        code_.if_true(code_.compare(LLVMIntSLT, whole_end, lanes.end), [&] {
          body_at(outer, code_.number(plan_.lane_size - rest), vectors(rest), body, rest % plan_.width != 0);
        });
      return;
    }
    if (plan_.lane_size > step || rest == 0) {
      if (plan_.lane_size == step)
        body_at(outer, code_.number(0), plan_.lane_unroll, body, false);
      else
        lane_loop(outer, lanes.begin, code_.number(plan_.lane_size - rest), body);
    }
    if (rest != 0) body_at(outer, code_.number(plan_.lane_size - rest), vectors(rest), body, rest % plan_.width != 0);
  }

  int vectors(std::int64_t lanes) const { return int((lanes + plan_.width - 1) / plan_.width); }

  template <typename Body>
  void lane_loop(EmitScope& outer, LLVMValueRef begin, LLVMValueRef end, Body body) {
    code_.loop(begin, end, std::int64_t(plan_.width) * plan_.lane_unroll, "lane",
               [&](LLVMValueRef lane) { body_at(outer, lane, plan_.lane_unroll, body, false); });
  }

  // `count` vectors from `first` on; `partial`: the lanes end within the last one.
  template <typename Body>
  void body_at(EmitScope& outer, LLVMValueRef first, int count, Body body, bool partial) {
    EmitScope scope;
    scope.parent = &outer;
    for (std::size_t r = 0; r < outer.lane_groups.size(); ++r)
      for (int i = 0; i < count; ++i) {
        LaneGroup lanes = outer.lane_groups[r];
        if (kernel_.lane >= 0) lanes.index[std::size_t(kernel_.lane)] = {first, std::int64_t(i) * plan_.width};
        if (partial && i + 1 == count) lanes.mask = last_lanes();
        scope.lane_groups.push_back(std::move(lanes));
        scope.parent_group.push_back(int(r));
      }
    lane_vectors_ = count;
    body(scope);
  }

  // The lanes of the last vector, if it is not full.
  LLVMValueRef last_lanes() {
    const std::int64_t filled = plan_.lane_size % plan_.width;
    return lt(Value(code_, code_.lane_numbers(Kind::i32)), double(filled)).llvm();
  }

  // Loops over the row dims other than the lane dim, for lane groups of an outer scope.
  template <typename Body>
  void over_row_dims(EmitScope& outer, std::size_t depth, Body body) {
    if (depth == plan_.row_dims.size()) return body(outer);
    const int d = plan_.row_dims[depth];
    code_.loop(code_.number(0), code_.number(kernel_.dims[std::size_t(d)].size), 1, "in_row", [&](LLVMValueRef index) {
      EmitScope scope;
      scope.parent = &outer;
      scope.lane_groups = outer.lane_groups;
      for (int i = 0; i < int(scope.lane_groups.size()); ++i) {
        scope.lane_groups[std::size_t(i)].index[std::size_t(d)] = {index, 0};
        scope.parent_group.push_back(i);
      }
      over_row_dims(scope, depth + 1, body);
    });
  }

  // Stages of a row

  // Lanes across the row: `scope` has one lane group, the row, and a reduction ends in one number, splat. Otherwise
  // `scope` has the vectors of a tile, with one row per lane.
  template <typename OverPoints>
  void emit_stages(EmitScope& scope, OverPoints over_points) {
    for (int stage = 0; stage <= kernel_.row_stages; ++stage) {
      values_.set_stage(stage);
      const std::vector<NodeId> reductions = row_reductions(kernel_, stage);
      const int slots = plan_.lane_outer ? int(scope.lane_groups.size()) : plan_.lane_unroll;
      std::vector<std::vector<LLVMValueRef>> registers = clear_row_registers(reductions, slots);
      const auto at_points = [&](EmitScope& points) {
        for (std::size_t i = 0; i < reductions.size(); ++i)
          for (int k = 0; k < int(points.lane_groups.size()); ++k)
            add_to(registers[i][std::size_t(k)], node(reductions[i]).code,
                   contribution(values_, kernel_, points, reductions[i], k, !plan_.lane_outer));
        if (stage == kernel_.row_stages) finish_points(points);
      };
      if (plan_.lane_outer)
        over_points(at_points);
      else
        over_points([&](EmitScope& lanes) { over_row_dims(lanes, 0, at_points); });
      for (std::size_t i = 0; i < reductions.size(); ++i) end_reduction(scope, reductions[i], registers[i]);
      evaluate_row_level(scope, stage + 1);
    }
  }

  std::vector<std::vector<LLVMValueRef>> clear_row_registers(const std::vector<NodeId>& reductions, int slots) {
    std::vector<std::vector<LLVMValueRef>> registers;
    for (const NodeId id : reductions) {
      registers.emplace_back();
      for (int k = 0; k < slots; ++k) {
        registers.back().push_back(code_.local(code_.vector(kind(id))));
        LLVMBuildStore(code_.builder, neutral(code_, node(id).code, kind(id)).llvm(), registers.back().back());
      }
    }
    return registers;
  }

  void end_reduction(EmitScope& scope, NodeId id, const std::vector<LLVMValueRef>& registers) {
    std::vector<Value> values;
    for (LLVMValueRef each : registers) values.push_back(read(code_, each, kind(id)));
    set_reduction(scope, id, values);
  }

  void set_reduction(EmitScope& scope, NodeId id, std::vector<Value> values) {
    if (!plan_.lane_outer) {
      LLVMValueRef sum = across_lanes(node(id).code, tree(node(id).code, std::move(values)));
      values = {Value(code_, code_.splat(sum))};
    }
    scope.known[id] = std::move(values);
  }

  void evaluate_row_level(EmitScope& scope, int stage) {
    for (NodeId id = 0; id < kernel_.nodes.size(); ++id)
      if (needed_[id] && node(id).level == Level::row && node(id).kind == NodeKind::op && node(id).stage == stage)
        values_.get(scope, id, 0);
  }

  // All vectors of the row at once; every stage works on values in registers.
  void emit_short_row(EmitScope& row) {
    body_at(
        row, code_.number(0), plan_.lane_unroll,
        [&](EmitScope& points) {
          for (int stage = 0; stage <= kernel_.row_stages; ++stage) {
            for (const NodeId id : row_reductions(kernel_, stage)) {
              std::vector<Value> values;
              for (int k = 0; k < int(points.lane_groups.size()); ++k)
                values.push_back(contribution(values_, kernel_, points, id, k, true));
              set_reduction(row, id, std::move(values));
            }
            if (stage == kernel_.row_stages) finish_points(points);
            evaluate_row_level(row, stage + 1);
          }
        },
        plan_.lane_size % plan_.width != 0);
  }

  // All points of the windows under a tile's lanes; every stage works on values in registers. Points of one window are
  // `tile.lane_groups.size()` lane groups apart.
  void emit_windows(EmitScope& tile) {
    EmitScope points = points_of_windows(tile);
    const int tiles = int(tile.lane_groups.size());
    for (int stage = 0; stage <= kernel_.row_stages; ++stage) {
      for (const NodeId id : row_reductions(kernel_, stage)) {
        std::vector<Value> reduced;
        for (int k = 0; k < tiles; ++k) {
          std::vector<Value> window;
          for (int point = 0; point < plan_.window; ++point)
            window.push_back(contribution(values_, kernel_, points, id, point * tiles + k, false));
          reduced.push_back(tree(node(id).code, std::move(window)));
        }
        tile.known[id] = std::move(reduced);
      }
      if (stage == kernel_.row_stages) finish_points(points);
      evaluate_row_level(tile, stage + 1);
    }
  }

  EmitScope points_of_windows(EmitScope& tile) {
    EmitScope points;
    points.parent = &tile;
    for (int point = 0; point < plan_.window; ++point)
      for (int k = 0; k < int(tile.lane_groups.size()); ++k) {
        LaneGroup lanes = tile.lane_groups[std::size_t(k)];
        std::int64_t left = point;
        for (std::size_t i = plan_.row_dims.size(); i-- > 0;) {
          const int d = plan_.row_dims[i];
          lanes.index[std::size_t(d)] = {code_.number(0), left % kernel_.dims[std::size_t(d)].size};
          left /= kernel_.dims[std::size_t(d)].size;
        }
        points.lane_groups.push_back(std::move(lanes));
        points.parent_group.push_back(k);
      }
    return points;
  }

  // Ends of points and rows

  // Evaluates everything that is stored or added before the first store, so that an in-place store overwrites nothing
  // unread.
  void finish_points(EmitScope& points) {
    for (const NodeId root : point_roots(kernel_, plan_, kernel_.row_stages)) values_.get(points, root, 0);
    for (const kernel::Store& store : kernel_.stores)
      if (store.level == Level::point) emit_store(points, store, ~kernel::DimSet{0});
    accumulators_.add(points, true, lane_vectors_);
  }

  void finish_rows(EmitScope& rows) {
    for (const kernel::Store& store : kernel_.stores)
      if (store.level == Level::row) values_.get(rows, store.value, 0);
    for (const kernel::Store& store : kernel_.stores)
      if (store.level == Level::row) emit_store(rows, store, ~row_dims(kernel_));
    accumulators_.add(rows, false, lane_vectors_);
  }

  // Along dims of `level` that the buffer does not extend along, only index 0 stores.
  void emit_store(EmitScope& scope, const kernel::Store& store, kernel::DimSet level) {
    for (int k = 0; k < int(scope.lane_groups.size()); ++k) {
      const LaneGroup& lanes = scope.lane_groups[std::size_t(k)];
      const Value& value = values_.get(scope, store.value, k);
      LLVMValueRef first = LLVMConstAllOnes(code_.i1);
      for (int d = 0; d < int(kernel_.dims.size()); ++d)
        if (level & ~store.dims & kernel::bit(d))
          first = LLVMBuildAnd(code_.builder, first,
                               code_.compare(LLVMIntEQ, values_.value_of(lanes.index[std::size_t(d)]), code_.number(0)),
                               "");
      const auto write = [&] { values_.store(lanes, store, value); };
      LLVMIsAConstantInt(first) && LLVMConstIntGetZExtValue(first) == 1 ? write() : code_.if_true(first, write);
    }
  }

  Code& code_;
  const kernel::Kernel& kernel_;
  const Plan& plan_;
  LLVMValueRef function_;
  Evaluator values_;
  Accumulators accumulators_;
  std::vector<bool> needed_;
  Range lanes_{};
  int lane_vectors_ = 1;  // around each row, in the scope being emitted
};

}  // namespace

void emit_run(Code& code, const kernel::Kernel& kernel, const Plan& plan) { RunEmitter(code, kernel, plan).run(); }

}  // namespace weft::cpu
