// Kernels with independent points: one thread per point or per pack of neighbours; sums over all points are accumulated
// alongside.
#include <algorithm>

#include "backends/cuda/codegen/pack.h"

namespace weft::cuda {

using kernel::DimSet;
using kernel::Kernel;
using kernel::Level;
using kernel::Node;
using kernel::NodeId;

namespace {

constexpr std::int64_t kMostFlatBlocks = 512;  // of a launch that leaves partial sums
constexpr std::int64_t kManyItems = 1 << 15;

class FlatWriter {
 public:
  explicit FlatWriter(Job& job) : job_(job), kernel_(job.kernel), pack_(pack_size(job.kernel)) {
    for (Accumulator& each : job.accumulators) singles_.push_back(&each);
    for (const kernel::Store& store : kernel_.stores)
      if (store.level == Level::point) stores_.push_back(&store);
    for (const kernel::Store* store : stores_) roots_.push_back(store->value);
    for (const Accumulator* each : singles_) roots_.push_back(job.node(each->node).operands[0]);
    for (int d = 0; d < int(kernel_.dims.size()); ++d) dims_.push_back(d);
  }

  void write() {
    if (roots_.empty()) return;
    const std::int64_t items = kernel_.points() / pack_;
    threads_ = items >= kManyItems ? 256 : 64;
    std::int64_t blocks = ceil_div(items, threads_);
    if (!singles_.empty()) blocks = std::min({blocks, kMostFlatBlocks, std::max<std::int64_t>(1, blocks / 4)});
    for (Accumulator* each : singles_) {
      each->copies = blocks;
      each->offset = job_.scratch.take(blocks);
    }
    const std::string name = identifier(kernel_.name);
    add_function(job_, name, blocks, threads_, [&](Source& source, Values& values) {
      for (const Accumulator* each : singles_) source.line(begin_of_sum(job_, each->node));
      const std::string first = fmt::format("({})blockIdx.x * {} + threadIdx.x", job_.index, threads_);
      if (singles_.empty()) {
        source.line(fmt::format("const {} item = {};", job_.index, first));
        if (items % threads_ != 0) source.line(fmt::format("if (item >= {}) return;", items));
        write_item(source, values);
        return;
      }
      source.open(
          fmt::format("for ({} item = {}; item < {}; item += {})", job_.index, first, items, blocks * threads_));
      values.enter();
      write_item(source, values);
      values.leave();
      source.close();
      write_block_sums(job_, source, singles_, threads_);
    });
  }

 private:
  void write_item(Source& source, Values& values) {
    write_indices(source, values, kernel_, dims_, "item", pack_);
    if (pack_ == 1) {
      write_point(source, values, nullptr);
      return;
    }
    const DimSet lane = kernel::bit(dims_.back());
    values.hoist(roots_, ~lane);
    Packs packs(job_, pack_, source, values);
    packs.load(roots_, ~lane);
    packs.for_each(stores_, [&] { write_point(source, values, &packs); });
  }

  // Compute all values before the first store: an output may share memory with an input.
  void write_point(Source& source, Values& values, Packs* packs) {
    std::vector<std::string> names;
    for (const NodeId root : roots_) names.push_back(values.get(root));
    for (std::size_t i = 0; i < stores_.size(); ++i) {
      const kernel::Store& store = *stores_[i];
      if (packs)
        packs->store(store, names[i]);
      else
        values.store(store, names[i]);
    }
    for (std::size_t i = 0; i < singles_.size(); ++i) {
      const NodeId id = singles_[i]->node;
      const Node& node = job_.node(id);
      const std::string condition = values.at_first(node.once);
      source.line((condition.empty() ? "" : "if (" + condition + ") ") +
                  join(node, variable(job_, id) + "_sum", addend(job_, node, names[stores_.size() + i])));
    }
  }

  Job& job_;
  const Kernel& kernel_;
  int pack_, threads_ = 0;
  std::vector<int> dims_;
  std::vector<Accumulator*> singles_;
  std::vector<const kernel::Store*> stores_;
  std::vector<NodeId> roots_;
};

}  // namespace

void write_flat(Job& job) { FlatWriter(job).write(); }

}  // namespace weft::cuda
