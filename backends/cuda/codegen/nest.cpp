// The function of one pass: what a group of threads does for a row.
#include <algorithm>

#include "backends/cuda/codegen/nest_plan.h"
#include "ir/error.h"

namespace weft::cuda {

using kernel::DimSet;
using kernel::Kernel;
using kernel::Level;
using kernel::Node;
using kernel::NodeId;
using kernel::NodeKind;

namespace {

class NestWriter {
 public:
  NestWriter(Job& job, Nest nest, Pass pass)
      : job_(job),
        kernel_(job.kernel),
        nest_(std::move(nest)),
        pass_(std::move(pass)),
        work_(job, nest_, pass_),
        inner_(set_of(nest_.inner)) {}

  void write() {
    add_function(job_, pass_.function, nest_.blocks, nest_.threads(), [&](Source& source, Values& values) {
      source_ = &source;
      values_ = &values;
      write_body();
    });
  }

 private:
  std::string name(NodeId node) const { return variable(job_, node); }
  const Node& node(NodeId id) const { return job_.node(id); }
  bool is_split() const { return nest_.splits > 1; }

  // --- The function ---

  void write_body() {
    Source& source = *source_;
    const int group = nest_.group, rows = nest_.rows_per_block;
    if (nest_.neighbours && rows > 1)
      source.line(fmt::format("const int t = threadIdx.x % {0}, r = threadIdx.x / {0};", group));
    else if (!nest_.neighbours)
      source.line(fmt::format("const int t = threadIdx.x / {0}, r = threadIdx.x % {0};", rows));
    else
      source.line("const int t = threadIdx.x;");
    if (is_split()) source.line(fmt::format("const int split = blockIdx.x % {};", nest_.splits));
    for (const Sum& sum : work_.sums) begin_sum(sum);
    point_at_split_reductions();
    if (has_arrays()) source.line("__syncthreads();");
    write_rows();
    std::vector<Accumulator*> singles;
    for (const Sum& sum : work_.sums)
      if (sum.form == Sum::single) singles.push_back(sum.accumulator);
    write_block_sums(job_, source, singles, nest_.threads());
  }

  bool has_arrays() const {
    return std::any_of(work_.sums.begin(), work_.sums.end(),
                       [](const Sum& sum) { return sum.form != Sum::single && sum.form != Sum::column; });
  }

  void begin_sum(const Sum& sum) {
    const Accumulator& each = *sum.accumulator;
    const Node& reduction = node(each.node);
    if (sum.form == Sum::single) {
      source_->line(begin_of_sum(job_, each.node));
      return;
    }
    source_->line(parts_pointer(job_, each.node, each.offset));
    if (sum.form == Sum::column) return;
    const std::string parts = parts_name(job_, each.node);
    source_->line(fmt::format("{} += ({})blockIdx.x * {};", parts, job_.index, each.extent));
    source_->line(fmt::format("for (int e = threadIdx.x; e < {}; e += {}) {}[e] = {};", each.extent, nest_.threads(),
                              parts, none(reduction)));
  }

  void point_at_split_reductions() {
    for (const SplitReduction& each : job_.split_reductions) {
      const int stage = node(each.node).stage;
      if (stage <= pass_.last_stage) source_->line(parts_pointer(job_, each.node, each.offset));
    }
  }

  void write_rows() {
    const std::int64_t stride = nest_.blocks / nest_.splits;
    std::string block = is_split() ? fmt::format("blockIdx.x / {}", nest_.splits) : "blockIdx.x";
    const bool loops = stride < nest_.row_blocks;
    if (loops) {
      source_->open(
          fmt::format("for ({} block = {}; block < {}; block += {})", job_.index, block, nest_.row_blocks, stride));
      block = "block";
    } else {
      block = fmt::format("({})({})", job_.index, block);
    }
    values_->enter();
    std::string row = nest_.rows_per_block == 1 ? block : fmt::format("{} * {} + r", block, nest_.rows_per_block);
    if (nest_.is_ragged()) {
      source_->line(fmt::format("const bool active = {} < {};", row, nest_.rows));
      row = fmt::format("active ? {} : {}", row, nest_.rows - 1);
    }
    source_->line(fmt::format("const {} row = {};", job_.index, row));
    write_indices(*source_, *values_, kernel_, nest_.outer, "row");
    for (int d : nest_.inner) values_->set_index(d, "");
    join_splits();
    if (pass_.walks)
      for (int stage = pass_.first_stage; stage <= pass_.last_stage; ++stage) write_stage(stage);
    if (pass_.ends) write_ends();
    values_->leave();
    if (loops) source_->close();
  }

  // Row reductions that earlier launches left in parts.
  void join_splits() {
    for (const SplitReduction& each : job_.split_reductions) {
      const Node& reduction = node(each.node);
      if (reduction.stage >= pass_.first_stage + (pass_.walks ? 0 : 1)) continue;
      const std::string sum = name(each.node) + "_sum", parts = parts_name(job_, each.node);
      source_->line(begin_of_sum(job_, each.node));
      source_->line(fmt::format("for (int s = 0; s < {}; ++s) {}", each.copies,
                                join(reduction, sum, fmt::format("{}[s * {} + row]", parts, nest_.rows))));
      define(each.node, sum);
    }
  }

  void define(NodeId id, const std::string& sum) {
    source_->line(
        fmt::format("const {} {} = {};", type_name(kind_of(node(id).dtype)), name(id), result_of(node(id), sum)));
    values_->define(id, name(id));
  }

  // --- A stage: one walk over the row ---

  void write_stage(int stage) {
    const std::vector<NodeId> reductions = row_reductions(kernel_, stage), roots = work_.point_roots(stage);
    if (roots.empty()) return;
    values_->hoist(roots, ~inner_);
    for (const NodeId id : reductions) source_->line(begin_of_sum(job_, id));
    const bool is_last = stage == kernel_.row_stages;
    if (is_last)
      for (const Sum& sum : work_.sums)
        if (gathers(sum)) source_->line(begin_of_sum(job_, sum.accumulator->node));
    for (const auto& [id, made] : work_.kept)
      if (made == stage)
        source_->line(fmt::format("{} {}_kept[{}];", type_name(kind_of(node(id).dtype)), name(id), nest_.turns));
    if (is_last) write_all_parts();
    const int braces = open_walk();
    values_->enter();
    write_indices(*source_, *values_, kernel_, nest_.inner, "p");
    write_point(reductions, roots, is_last);
    for (const auto& [id, made] : work_.kept)
      if (made == stage) source_->line(fmt::format("{}_kept[j] = {};", name(id), values_->get(id)));
    values_->leave();
    for (int d : nest_.inner) values_->set_index(d, "");
    for (int i = 0; i < braces; ++i) source_->close();
    for (const auto& [id, made] : work_.kept)
      if (made == stage) values_->define(id, fmt::format("{}_kept[j]", name(id)));
    for (const NodeId id : reductions) end_reduction(id);
    if (is_last)
      for (const Sum& sum : work_.sums)
        if (gathers(sum)) end_row_of(sum);
  }

  // Run before the walk that stores: these sums read points of other threads, which an output may overwrite.
  void write_all_parts() {
    bool any = false;
    for (const Sum& sum : work_.sums) {
      if (sum.form != Sum::array_of_parts) continue;
      write_parts(sum.accumulator->node);
      any = true;
    }
    if (any && !work_.stores(Level::point).empty()) wait_for_group();
  }

  void wait_for_group() {
    if (nest_.group > 1) source_->line(nest_.neighbours && nest_.group <= 32 ? "__syncwarp();" : "__syncthreads();");
  }

  // Whether the walk sums a row's share before adding it to the accumulator.
  static bool gathers(const Sum& sum) {
    return sum.at_point && (sum.form == Sum::column || sum.form == Sum::array_of_rows);
  }

  // Opens the loop over `p`, the index of a point in its row; returns the number of braces.
  int open_walk() {
    const std::int64_t points = nest_.points;
    if (nest_.turns > 0) {
      source_->line("#pragma unroll");
      source_->open(fmt::format("for (int j = 0; j < {}; ++j)", nest_.turns));
      source_->line(fmt::format("const int p = t + j * {};", nest_.group));
      const bool is_full = points == std::int64_t(nest_.turns) * nest_.group;
      const std::string in_row = is_full ? "" : fmt::format("p < {}", points);
      if (!nest_.is_ragged() && is_full) return 1;
      source_->open(fmt::format("if ({}{}{})", nest_.is_ragged() ? "active" : "",
                                nest_.is_ragged() && !is_full ? " && " : "", in_row));
      return 2;
    }
    std::string first = "t", end = std::to_string(points);
    if (is_split()) {
      const std::string part = wide(nest_.split_points());
      first = fmt::format("split * {} + t", part);
      source_->line(
          fmt::format("const {0} end = split * {1} + {1} < {2} ? split * {1} + {1} : {2};", job_.index, part, points));
      end = "end";
    }
    if (nest_.is_ragged()) end = fmt::format("(active ? {} : 0)", end);
    source_->open(fmt::format("for ({} p = {}; p < {}; p += {})", job_.index, first, end, nest_.group));
    return 1;
  }

  // Compute all values before the first store: an output may share memory with an input.
  void write_point(const std::vector<NodeId>& reductions, const std::vector<NodeId>& roots, bool is_last) {
    for (const NodeId root : roots) values_->get(root);
    for (const NodeId id : reductions) add(id, node(id).once, name(id) + "_sum");
    if (!is_last) return;
    for (const kernel::Store* store : work_.stores(Level::point)) store_if(values_->at_first(~store->dims), *store);
    for (const Sum& sum : work_.sums) {
      const NodeId id = sum.accumulator->node;
      if (!sum.at_point || sum.form == Sum::array_of_parts) continue;
      add(id, node(id).once, sum.form == Sum::array_of_points ? place_of(id) : name(id) + "_sum");
    }
  }

  void store_if(const std::string& condition, const kernel::Store& store) {
    const std::string value = values_->get(store.value);
    if (!condition.empty()) source_->open(fmt::format("if ({})", condition));
    values_->store(store, value);
    if (!condition.empty()) source_->close();
  }

  std::string place_of(NodeId id) const {
    return fmt::format("{}[{}]", parts_name(job_, id), values_->address(node(id).map));
  }

  // Adds the operand of a reduction, only where the dims of `once` are at 0.
  void add(NodeId id, DimSet once, const std::string& into, const std::string& also = "") {
    const std::string value = addend(job_, node(id), values_->get(node(id).operands[0]));
    source_->line(only_if(all_of(also, values_->at_first(once))) + join(node(id), into, value));
  }

  std::string over_group(NodeId id, const std::string& value) const {
    if (nest_.group == 1) return value;
    return nest_.neighbours ? fmt::format("combine_neighbours<{}, {}, {}>({})", operation(node(id)), nest_.group,
                                          nest_.threads(), value)
                            : fmt::format("combine_columns<{}, {}, {}>({})", operation(node(id)), nest_.group,
                                          nest_.rows_per_block, value);
  }

  void end_reduction(NodeId id) {
    const std::string sum = name(id) + "_sum";
    if (nest_.group > 1) source_->line(fmt::format("{} = {};", sum, over_group(id, sum)));
    for (const SplitReduction& each : job_.split_reductions)
      if (each.node == id) {
        source_->line(only_if(leader()) +
                      fmt::format("{}[split * {} + row] = {};", parts_name(job_, id), wide(nest_.rows), sum));
        return;
      }
    define(id, sum);
  }

  // A literal that makes products with it as wide as indices.
  std::string wide(std::int64_t number) const { return fmt::format("{}{}", number, job_.index == "int" ? "" : "ll"); }
  // Conditions; an empty one always holds.
  static std::string all_of(const std::string& a, const std::string& b) {
    return a.empty() || b.empty() ? a + b : a + " && " + b;
  }
  static std::string only_if(const std::string& condition) {
    return condition.empty() ? "" : "if (" + condition + ") ";
  }
  // The condition for the one thread that writes for its group.
  std::string leader() const { return all_of(nest_.group == 1 ? "" : "t == 0", nest_.is_ragged() ? "active" : ""); }

  void end_row_of(const Sum& sum) {
    const NodeId id = sum.accumulator->node;
    const std::string gathered = name(id) + "_sum";
    if (nest_.group > 1) source_->line(fmt::format("{} = {};", gathered, over_group(id, gathered)));
    if (sum.form == Sum::column) {
      const std::string copy = is_split() ? fmt::format("split * {} + ", wide(sum.accumulator->extent)) : "";
      source_->line(only_if(leader()) + fmt::format("{}[{}{}] = {};", parts_name(job_, id), copy,
                                                    values_->address(node(id).map), gathered));
    } else {
      source_->line(only_if(leader()) + join(node(id), place_of(id), gathered));
    }
  }

  // An array along some of the row's dims: each thread sums over the other dims for its numbers.
  void write_parts(NodeId id) {
    const Node& reduction = node(id);
    const DimSet own = nonzero(reduction.map) & inner_, others = inner_ & ~own & ~reduction.once;
    source_->open(
        fmt::format("for ({} q = t; q < {}; q += {})", job_.index, points_of(kernel_, list(own)), nest_.group));
    values_->enter();
    write_indices(*source_, *values_, kernel_, list(own), "q");
    const std::string sum = name(id) + "_sum";
    source_->line(begin_of_sum(job_, id));
    source_->open(fmt::format("for ({0} u = 0; u < {1}; ++u)", job_.index, points_of(kernel_, list(others))));
    values_->enter();
    write_indices(*source_, *values_, kernel_, list(others), "u");
    add(id, reduction.once, sum);
    values_->leave();
    source_->close();
    source_->line(join(reduction, place_of(id), sum));
    values_->leave();
    for (const int d : nest_.inner) values_->set_index(d, "");
    source_->close();
  }

  // --- The end of a row ---

  void write_ends() {
    const std::vector<const kernel::Store*> row_stores = work_.stores(Level::row);
    for (const kernel::Store* store : row_stores) values_->get(store->value);
    // Other threads of the group may still read what a store overwrites.
    if (!row_stores.empty()) wait_for_group();
    for (const Sum& sum : work_.sums) {
      if (sum.at_point) continue;
      const NodeId id = sum.accumulator->node;
      values_->get(node(id).operands[0]);
      add(id, node(id).once & ~inner_, sum.form == Sum::single ? name(id) + "_sum" : place_of(id), leader());
    }
    for (const kernel::Store* store : row_stores)
      store_if(all_of(leader(), values_->at_first(~store->dims & ~inner_)), *store);
  }

  Job& job_;
  const Kernel& kernel_;
  Nest nest_;
  Pass pass_;
  NestWork work_;
  DimSet inner_;
  Source* source_ = nullptr;
  Values* values_ = nullptr;
};

}  // namespace

void write_nest(Job& job, const Nest& nest, const Pass& pass) { NestWriter(job, nest, pass).write(); }

}  // namespace weft::cuda
