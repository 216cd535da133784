// The launch after all points: joins the copies of the accumulators and stores what depends on them. Each section has
// its own blocks: one for single numbers, which a whole block sums, others for arrays, with one thread per number.
#include <algorithm>
#include <map>

#include "backends/cuda/codegen/job.h"

namespace weft::cuda {

using kernel::DimSet;
using kernel::Kernel;
using kernel::Level;
using kernel::Node;
using kernel::NodeId;
using kernel::NodeKind;

namespace {

constexpr int kFinishThreads = 256;
constexpr std::int64_t kFewCopies = 8;  // each thread joins them by itself

class FinishWriter {
 public:
  explicit FinishWriter(Job& job) : job_(job), kernel_(job.kernel) {
    for (const kernel::Store& store : kernel_.stores)
      if (store.level == Level::final) by_dims_[store.dims & all_dims()].push_back(&store);
  }

  void write() {
    if (by_dims_.empty()) return;
    choose_totals();
    if (!totals_.empty()) write_totals();
    write_stores();
  }

 private:
  DimSet all_dims() const { return kernel::bit(int(kernel_.dims.size())) - 1; }
  const Node& node(NodeId id) const { return job_.node(id); }
  std::string name(NodeId id) const { return variable(job_, id); }

  const Accumulator& accumulator(NodeId id) const {
    return *std::find_if(job_.accumulators.begin(), job_.accumulators.end(),
                         [&](const Accumulator& each) { return each.node == id; });
  }

  std::int64_t count(DimSet dims) const { return points_of(kernel_, list(dims)); }

  std::vector<NodeId> reductions_of(const std::vector<const kernel::Store*>& stores) const {
    std::vector<bool> needed(kernel_.nodes.size(), false);
    for (const kernel::Store* store : stores) needed[store->value] = true;
    std::vector<NodeId> result;
    for (NodeId id = NodeId(kernel_.nodes.size()); id-- > 0;) {
      if (!needed[id]) continue;
      if (node(id).kind == NodeKind::final_reduce)
        result.push_back(id);
      else
        for (const NodeId operand : node(id).operands) needed[operand] = true;
    }
    std::reverse(result.begin(), result.end());
    return result;
  }

  // Reductions that many threads need are joined first, in a separate launch.
  void choose_totals() {
    for (const auto& [dims, stores] : by_dims_)
      for (const NodeId id : reductions_of(stores)) {
        const bool each_once = (dims & ~nonzero(node(id).map)) == 0;
        const bool known = std::find(totals_.begin(), totals_.end(), id) != totals_.end();
        if (!each_once && !known && accumulator(id).copies > kFewCopies) totals_.push_back(id);
      }
  }

  static std::string section(std::int64_t first, std::int64_t blocks) {
    return first == 0 ? fmt::format("if (blockIdx.x < {})", blocks)
                      : fmt::format("if (blockIdx.x >= {} && blockIdx.x < {})", first, first + blocks);
  }

  bool has_total(NodeId id) const { return std::find(totals_.begin(), totals_.end(), id) != totals_.end(); }

  // Adds the copies of one number: all threads of the block together, or one thread.
  std::string write_sum(Source& source, NodeId id, const std::string& place, bool together) {
    const Accumulator& each = accumulator(id);
    const std::string sum = name(id) + "_sum", parts = parts_name(job_, id);
    source.line(parts_pointer(job_, id, each.offset));
    source.line(begin_of_sum(job_, id));
    const std::string from =
        each.extent == 1 ? fmt::format("{}[c]", parts)
                         : fmt::format("{}[c * {}{} + {}]", parts, each.extent, job_.index == "int" ? "" : "ll", place);
    const std::string step = together ? fmt::format("c += {}", kFinishThreads) : "++c";
    source.line(fmt::format("for (int c = {}; c < {}; {}) {}", together ? "threadIdx.x" : "0", each.copies, step,
                            join(node(id), sum, from)));
    if (together)
      source.line(
          fmt::format("{0} = combine_neighbours<{1}, {2}, {2}>({0});", sum, operation(node(id)), kFinishThreads));
    return sum;
  }

  void write_totals() {
    std::vector<std::size_t> offsets;
    std::int64_t blocks = 0;
    for (const NodeId id : totals_) {
      total_offset_[id] = job_.scratch.take(node(id).extent);
      blocks += ceil_div(node(id).extent, node(id).extent == 1 ? 1 : kFinishThreads);
    }
    add_function(job_, identifier(kernel_.name) + "_totals", blocks, kFinishThreads, [&](Source& source, Values&) {
      std::int64_t first = 0;
      for (const NodeId id : totals_) {
        const std::int64_t extent = node(id).extent, share = extent == 1 ? 1 : ceil_div(extent, kFinishThreads);
        source.open(section(first, share));
        if (extent > 1) {
          source.line(fmt::format("const int e = (blockIdx.x - {}) * {} + threadIdx.x;", first, kFinishThreads));
          source.line(fmt::format("if (e >= {}) return;", extent));
        }
        const std::string sum = write_sum(source, id, "e", extent == 1);
        const std::string store = fmt::format("(({}*)((char*)scratch + {}))[{}] = {};", type_name(sum_kind(node(id))),
                                              total_offset_[id], extent == 1 ? "0" : "e", sum);
        source.line((extent == 1 ? "if (threadIdx.x == 0) " : "") + store);
        source.close();
        first += share;
      }
    });
  }

  std::string read_total(Source& source, Values& values, NodeId id, bool together) {
    const std::string place = values.address(node(id).map);
    std::string sum;
    if (has_total(id))
      sum = fmt::format("((const {}*)((const char*)scratch + {}))[{}]", type_name(sum_kind(node(id))),
                        total_offset_.at(id), place);
    else
      sum = write_sum(source, id, place, together);
    source.line(
        fmt::format("const {} {} = {};", type_name(kind_of(node(id).dtype)), name(id), result_of(node(id), sum)));
    return name(id);
  }

  void write_stores() {
    std::int64_t blocks = 0;
    for (const auto& [dims, stores] : by_dims_) blocks += ceil_div(count(dims), kFinishThreads);
    const bool alone = by_dims_.size() == 1;
    const bool only = job_.result.launches.empty();
    const std::string function = identifier(kernel_.name) + (only ? "" : "_finish");
    add_function(job_, function, blocks, kFinishThreads, [&](Source& source, Values& values) {
      std::int64_t first = 0;
      for (const auto& [dims, stores] : by_dims_) {
        const std::int64_t share = ceil_div(count(dims), kFinishThreads);
        if (!alone) source.open(section(first, share));
        values.enter();
        write_section(source, values, dims, stores, first);
        values.leave();
        if (!alone) source.close();
        first += share;
      }
    });
  }

  void write_section(Source& source, Values& values, DimSet dims, const std::vector<const kernel::Store*>& stores,
                     std::int64_t first) {
    for (int d = 0; d < int(kernel_.dims.size()); ++d) values.set_index(d, "");
    const bool together = dims == 0;
    if (together) {
      for (const NodeId id : reductions_of(stores))
        values.define(id, read_total(source, values, id, accumulator(id).copies > kFewCopies));
      source.line("if (threadIdx.x != 0) return;");
    } else {
      const std::string block = first == 0 ? "blockIdx.x" : fmt::format("(blockIdx.x - {})", first);
      source.line(fmt::format("const {0} item = ({0}){1} * {2} + threadIdx.x;", job_.index, block, kFinishThreads));
      source.line(fmt::format("if (item >= {}) return;", count(dims)));
      write_indices(source, values, kernel_, list(dims), "item");
      values.total = [&](NodeId id) { return read_total(source, values, id, false); };
    }
    for (const kernel::Store* store : stores) values.get(store->value);
    for (const kernel::Store* store : stores) values.store(*store, values.get(store->value));
    values.total = nullptr;
  }

  Job& job_;
  const Kernel& kernel_;
  std::map<DimSet, std::vector<const kernel::Store*>> by_dims_;
  std::vector<NodeId> totals_;
  std::map<NodeId, std::size_t> total_offset_;
};

}  // namespace

void write_finish(Job& job) { FinishWriter(job).write(); }

}  // namespace weft::cuda
