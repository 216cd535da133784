// Rowless kernels that sum into arrays: the array's dims become the rows of a nest, and the summed dims lie along them.
// If neighbouring rows are adjacent in memory and there are many points, a thread takes a pack of rows.
#include <algorithm>
#include <map>

#include "backends/cuda/codegen/nest.h"
#include "backends/cuda/codegen/pack.h"

namespace weft::cuda {

using kernel::DimSet;
using kernel::Kernel;
using kernel::Level;
using kernel::NodeId;

namespace {

constexpr std::int64_t kManyPoints = 1 << 20;  // with fewer, more threads beat wider loads

// One launch of packs of rows.
class PackedColumns {
 public:
  PackedColumns(Job& job, DimSet kept, const Pass& pass, int pack)
      : job_(job), kernel_(job.kernel), nest_(column_nest(job.kernel, kept, pack)), pass_(pass), pack_(pack) {
    for (Accumulator* each : pass.columns) {
      each->copies = nest_.splits;
      each->offset = job.scratch.take(each->copies * each->extent);
      roots_.push_back(job.node(each->node).operands[0]);
    }
    if (!pass.stores) return;
    for (Accumulator& each : job.accumulators) {
      if (each.extent > 1) continue;
      each.copies = nest_.blocks;
      each.offset = job.scratch.take(each.copies);
      singles_.push_back(&each);
      roots_.push_back(job.node(each.node).operands[0]);
    }
    for (const kernel::Store& store : kernel_.stores)
      if (store.level == Level::point) {
        stores_.push_back(&store);
        roots_.push_back(store.value);
      }
  }

  void write() {
    add_function(job_, pass_.function, nest_.blocks, nest_.threads(), [&](Source& source, Values& values) {
      write_place(source, values);
      for (const Accumulator* each : singles_) source.line(begin_of_sum(job_, each->node));
      for (const Accumulator* each : pass_.columns) {
        source.line(parts_pointer(job_, each->node, each->offset));
        source.line(fmt::format("{} {}[{}];", type_name(sum_kind(job_.node(each->node))), sum(*each), pack_));
        source.line("#pragma unroll");
        source.line(
            fmt::format("for (int k = 0; k < {}; ++k) {}[k] = {};", pack_, sum(*each), none(job_.node(each->node))));
      }
      write_walk(source, values);
      for (const Accumulator* each : pass_.columns) write_end(source, values, *each);
      write_block_sums(job_, source, singles_, nest_.threads());
    });
  }

 private:
  std::string sum(const Accumulator& each) const { return variable(job_, each.node) + "_sum"; }
  std::string wide(std::int64_t number) const { return fmt::format("{}{}", number, job_.index == "int" ? "" : "ll"); }

  // Computes the thread's rows, and its position among the threads that share them.
  void write_place(Source& source, Values& values) const {
    const int group = nest_.group, rows = nest_.rows_per_block;
    source.line(nest_.neighbours ? fmt::format("const int t = threadIdx.x % {0}, r = threadIdx.x / {0};", group)
                                 : fmt::format("const int t = threadIdx.x / {0}, r = threadIdx.x % {0};", rows));
    source.line(fmt::format("const int split = blockIdx.x % {};", nest_.splits));
    std::string row = fmt::format("({})(blockIdx.x / {}) * {} + r", job_.index, nest_.splits, rows);
    if (nest_.is_ragged()) {
      source.line(fmt::format("const bool active = {} < {};", row, nest_.rows));
      row = fmt::format("active ? {} : {}", row, nest_.rows - 1);
    }
    source.line(fmt::format("const {} row = {};", job_.index, row));
    write_indices(source, values, kernel_, nest_.outer, "row", pack_);
  }

  void write_walk(Source& source, Values& values) {
    const DimSet lane = kernel::bit(int(kernel_.dims.size()) - 1), outer = set_of(nest_.outer);
    values.hoist(roots_, outer & ~lane);
    Packs packs(job_, pack_, source, values);
    packs.load(roots_, outer);
    const std::string part = wide(nest_.split_points());
    source.line(fmt::format("const {0} part_end = split * {1} + {1}, end = {3}part_end < {2} ? part_end : {2};",
                            job_.index, part, nest_.points, nest_.is_ragged() ? "!active ? 0 : " : ""));
    if (stores_.empty()) source.line("#pragma unroll 4");  // so that loads of several points are under way
    source.open(fmt::format("for ({} p = split * {} + t; p < end; p += {})", job_.index, part, nest_.group));
    values.enter();
    write_indices(source, values, kernel_, nest_.inner, "p");
    values.hoist(roots_, ~lane);
    packs.load(roots_, ~lane);
    packs.for_each(stores_, [&] { write_point(source, values, packs); });
    values.leave();
    for (const int d : nest_.inner) values.set_index(d, "");
    source.close();
  }

  // Compute all values before the first store: an output may share memory with an input.
  void write_point(Source& source, Values& values, Packs& packs) {
    for (const NodeId root : roots_) values.get(root);
    const auto add = [&](const Accumulator& each, const std::string& into) {
      const kernel::Node& node = job_.node(each.node);
      const std::string condition = values.at_first(node.once);
      source.line((condition.empty() ? "" : "if (" + condition + ") ") +
                  join(node, into, addend(job_, node, values.get(node.operands[0]))));
    };
    for (const Accumulator* each : pass_.columns) add(*each, sum(*each) + "[k]");
    for (const Accumulator* each : singles_) add(*each, sum(*each));
    for (const kernel::Store* store : stores_) packs.store(*store, values.get(store->value));
  }

  void write_end(Source& source, Values& values, const Accumulator& each) const {
    const kernel::Node& node = job_.node(each.node);
    const std::string number = sum(each) + "[k]";
    source.line("#pragma unroll");
    source.open(fmt::format("for (int k = 0; k < {}; ++k)", pack_));
    if (nest_.group > 1)
      source.line(nest_.neighbours ? fmt::format("{0} = combine_neighbours<{1}, {2}, {3}>({0});", number,
                                                 operation(node), nest_.group, nest_.threads())
                                   : fmt::format("{0} = combine_columns<{1}, {2}, {3}>({0});", number, operation(node),
                                                 nest_.group, nest_.rows_per_block));
    const int lane = int(kernel_.dims.size()) - 1;
    values.set_index(lane, fmt::format("(i{} + k)", lane));
    source.line(fmt::format("{}{}[split * {} + {}] = {};", leader(), parts_name(job_, each.node), wide(each.extent),
                            values.address(node.map), number));
    values.set_index(lane, fmt::format("i{}", lane));
    source.close();
  }

  std::string leader() const {
    const std::string first = nest_.group > 1 ? "t == 0" : "", active = nest_.is_ragged() ? "active" : "";
    if (first.empty() && active.empty()) return "";
    return fmt::format("if ({}{}{}) ", first, first.empty() || active.empty() ? "" : " && ", active);
  }

  Job& job_;
  const Kernel& kernel_;
  Nest nest_;
  const Pass& pass_;
  int pack_;
  std::vector<Accumulator*> singles_;
  std::vector<const kernel::Store*> stores_;
  std::vector<NodeId> roots_;
};

}  // namespace

// One launch per set of dims that arrays extend along; the last one also stores.
void write_columns(Job& job) {
  std::map<DimSet, std::vector<Accumulator*>> by_dims;
  for (Accumulator& each : job.accumulators)
    if (each.extent > 1) by_dims[nonzero(job.node(each.node).map)].push_back(&each);
  std::size_t left = by_dims.size();
  for (const auto& [dims, columns] : by_dims) {
    const bool is_last = --left == 0;
    const std::string name = identifier(job.kernel.name);
    const Pass pass{is_last ? name : fmt::format("{}_sums{}", name, left), 0, 0, true, is_last, false, columns};
    const int lane = int(job.kernel.dims.size()) - 1, pack = pack_size(job.kernel);
    if (pack > 1 && (dims & kernel::bit(lane)) != 0 && job.kernel.points() >= kManyPoints)
      PackedColumns(job, dims, pass, pack).write();
    else
      write_nest(job, column_nest(job.kernel, dims), pass);
  }
}

}  // namespace weft::cuda
