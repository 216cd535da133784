// Chunks, unrolling, accumulators and kept values of a kernel.
#include "backends/cpu/codegen/plan.h"

#include <algorithm>
#include <cmath>

#include "ir/error.h"
#include "ir/integer.h"

namespace weft::cpu {

using kernel::Kernel;
using kernel::Level;
using kernel::Node;
using kernel::NodeId;
using kernel::NodeKind;

namespace {

constexpr std::int64_t kChunkPoints = 2048;  // least points per chunk
constexpr std::int64_t kMostChunks = 256;
constexpr std::int64_t kRowsPerCopy = 16;  // least rows per copy of an accumulator array
constexpr std::int64_t kLeastLanes = 256;  // of a part of a row: shorter parts defeat prefetching
constexpr std::int64_t kMostPartialNumbers = 1 << 20;
constexpr std::int64_t kKeptBytes = 64 << 10;  // of stack, for all kept values of a row
constexpr double kKeepCost = 8;                // cheaper values are evaluated again
constexpr int kShortRowVectors = 8;
constexpr std::int64_t kMostWindowPoints = 16;

class KernelPlanner {
 public:
  KernelPlanner(const Kernel& kernel, int width) : kernel_(kernel) { plan_.width = width; }

  Plan run() {
    sort_dims();
    describe_accumulators();
    choose_unroll();
    choose_chunks();
    place_accumulators();
    choose_kept();
    estimate_work();
    return std::move(plan_);
  }

 private:
  void sort_dims() {
    plan_.lane_outer = kernel_.lane < 0 || !kernel_.dims[std::size_t(kernel_.lane)].row;
    if (kernel_.lane >= 0) plan_.lane_size = kernel_.dims[std::size_t(kernel_.lane)].size;
    for (int d = 0; d < int(kernel_.dims.size()); ++d) {
      const kernel::Dim& dim = kernel_.dims[std::size_t(d)];
      plan_.has_row = plan_.has_row || dim.row;
      if (d == kernel_.lane) continue;
      (dim.row ? plan_.row_dims : plan_.outer).push_back(d);
      (dim.row ? row_points_ : plan_.rows) *= dim.size;
    }
  }

  void describe_accumulators() {
    for (const NodeId id : final_reductions(kernel_)) {
      const Node& node = kernel_.nodes[id];
      Accumulator each;
      each.node = id;
      each.extent = node.extent;
      each.at_point = counts_at_points(kernel_, id);
      const auto kept = [&](int d) { return node.map.strides[std::size_t(d)] != 0; };
      each.lane_kept = kernel_.lane >= 0 && kept(kernel_.lane);
      const bool outer_kept = std::any_of(plan_.outer.begin(), plan_.outer.end(), kept);
      const bool row_kept = std::any_of(plan_.row_dims.begin(), plan_.row_dims.end(), kept);
      each.others_kept = outer_kept || row_kept;
      each.scope = each.lane_kept || row_kept ? Scope::vector : outer_kept ? Scope::row : Scope::chunk;
      plan_.accumulators.push_back(each);
    }
  }

  bool any_accumulator(bool Accumulator::*property) const {
    return std::any_of(plan_.accumulators.begin(), plan_.accumulators.end(),
                       [&](const Accumulator& each) { return each.*property; });
  }

  double point_cost() const {
    double total = 0;
    for (const Node& node : kernel_.nodes)
      if (node.level == Level::point && node.varies != 0) total += kernel::cost(node);
    return total;
  }

  // Enough independent vectors to hide latencies, few enough to fit in registers and compile quickly.
  void choose_unroll() {
    const std::int64_t vectors = ceil_div(plan_.lane_size, plan_.width);
    const double cost_of_point = point_cost();
    const int wanted = cost_of_point > 60 ? 2 : 4;
    if (plan_.has_row) {
      plan_.short_row = !plan_.lane_outer && plan_.row_dims.empty() && vectors <= kShortRowVectors;
      plan_.lane_unroll = plan_.short_row ? int(vectors) : int(std::min<std::int64_t>(vectors, wanted));
      if (plan_.lane_outer && kernel_.lane >= 0 && row_points_ <= kMostWindowPoints) {
        plan_.window = int(row_points_);
        plan_.lane_unroll = std::clamp(kShortRowVectors / plan_.window, 1, plan_.lane_unroll);
      }
      return;
    }
    const bool columns = any_accumulator(&Accumulator::lane_kept) && !any_accumulator(&Accumulator::others_kept);
    if (columns && vectors <= 4) {
      plan_.lane_unroll = int(vectors);
      plan_.row_unroll = std::max(1, wanted / int(vectors));
      for (Accumulator& each : plan_.accumulators)
        if (each.lane_kept) each.scope = Scope::chunk;
    } else if (columns) {
      plan_.row_unroll = wanted;
    } else {
      plan_.lane_unroll = int(std::min<std::int64_t>(vectors, wanted));
    }
    plan_.row_unroll = int(std::min<std::int64_t>(plan_.row_unroll, plan_.rows));
  }

  // Splits `size` into equal parts in multiples of `step`: at most `most`, and a multiple of 8 if there are many.
  static std::int64_t part_size(std::int64_t size, std::int64_t parts, std::int64_t most, std::int64_t step) {
    parts = std::clamp<std::int64_t>(parts, 1, most);
    if (parts > 8) parts = std::min(round_up(parts, 8), std::max<std::int64_t>(most, 1));
    return round_up(ceil_div(size, parts), step);
  }

  void choose_chunks() {
    const double weight = std::max(1.0, point_cost() / 40);
    const auto least = std::int64_t(double(kChunkPoints) / weight);
    const std::int64_t row_size = row_points_ * plan_.lane_size;  // points per element of `rows`
    const bool copies_are_large =
        any_accumulator(&Accumulator::lane_kept) || any_accumulator(&Accumulator::others_kept);
    std::int64_t most_row_chunks = kMostChunks;
    if (copies_are_large) {
      std::int64_t numbers = 1;
      for (const Accumulator& each : plan_.accumulators) numbers += each.extent;
      most_row_chunks =
          std::clamp<std::int64_t>(std::min(kMostPartialNumbers / numbers, plan_.rows / kRowsPerCopy), 1, 64);
    }
    plan_.rows_per_chunk = part_size(plan_.rows, plan_.rows * row_size / least, most_row_chunks, plan_.row_unroll);
    plan_.row_chunks = ceil_div(plan_.rows, plan_.rows_per_chunk);
    plan_.lane_block = plan_.lane_size;
    const bool whole_lanes =
        any_accumulator(&Accumulator::others_kept) ||
        std::any_of(plan_.accumulators.begin(), plan_.accumulators.end(),
                    [](const Accumulator& each) { return each.lane_kept && each.scope == Scope::chunk; });
    if (!plan_.lane_outer || whole_lanes) return;
    const std::int64_t chunk_points = row_size * plan_.rows_per_chunk;
    const std::int64_t parts =
        std::min({chunk_points / least, ceil_div(kMostChunks, plan_.row_chunks), plan_.lane_size / kLeastLanes});
    const std::int64_t step = std::int64_t(plan_.width) * plan_.lane_unroll;
    const std::int64_t block = part_size(plan_.lane_size, parts, kMostChunks, step);
    if (block >= plan_.lane_size) return;
    plan_.lane_block = block;
    plan_.lane_chunks = ceil_div(plan_.lane_size, block);
  }

  void place_accumulators() {
    std::size_t offset = 0;
    const auto take = [&](std::int64_t numbers) {
      const std::size_t at = offset;
      offset += std::size_t(round_up(numbers * 4, 64));
      return at;
    };
    for (Accumulator& each : plan_.accumulators) {
      each.copies = each.lane_kept && plan_.lane_outer ? plan_.row_chunks : plan_.chunks();
      each.copy_stride = each.extent == 1 ? 1 : round_up(each.extent, 16);
      each.partial = take(each.copies * each.copy_stride);
      each.total = each.copies == 1 ? each.partial : take(each.extent);
    }
    plan_.scratch_bytes = offset;
  }

  // Values that a later stage needs and that are cheaper to read back than to evaluate again.
  void choose_kept() {
    if (plan_.short_row || plan_.window > 0 || kernel_.row_stages == 0) return;
    const std::int64_t lanes =
        plan_.lane_outer ? std::int64_t(plan_.width) * plan_.lane_unroll : round_up(plan_.lane_size, plan_.width);
    plan_.kept_numbers = row_points_ * lanes;
    std::vector<int> first(kernel_.nodes.size(), -1);  // stage that evaluates it first
    for (int stage = 0; stage <= kernel_.row_stages; ++stage) {
      auto visit = [&](NodeId id) {
        const Node& node = kernel_.nodes[id];
        if (node.level != Level::point || is_kept(id)) return false;
        if (first[id] < 0) {
          first[id] = stage;
        } else if (first[id] < stage && tree_cost(id) >= kKeepCost && varies_along_row(node) &&
                   node.dtype != ir::DType::boolean &&
                   std::int64_t(plan_.kept.size() + 1) * plan_.kept_numbers * 4 <= kKeptBytes) {
          plan_.kept.push_back({id, first[id]});
          return false;
        }
        return true;
      };
      for (const NodeId root : point_roots(kernel_, plan_, stage)) walk(kernel_, root, visit);
    }
  }

  bool is_kept(NodeId id) const {
    return std::any_of(plan_.kept.begin(), plan_.kept.end(), [&](const Kept& kept) { return kept.node == id; });
  }

  bool varies_along_row(const Node& node) const { return (node.varies & row_set(kernel_)) != 0; }

  double tree_cost(NodeId id) const {
    double total = 0;
    auto visit = [&](NodeId each) {
      const Node& node = kernel_.nodes[each];
      if (node.level != Level::point || !varies_along_row(node)) return false;
      total += kernel::cost(node);
      return true;
    };
    walk(kernel_, id, visit);
    return total;
  }

  // Measured with bench/kernels.cpp, with data in the second-level cache.
  void estimate_work() {
    double per_point = 0;
    for (const Node& node : kernel_.nodes) {
      if (node.level == Level::final && node.kind != NodeKind::final_reduce) continue;
      if (node.varies == 0 && node.kind != NodeKind::final_reduce) continue;
      const bool load = node.kind == NodeKind::load;
      const double ns = load ? double(ir::size_of(node.dtype)) * 0.01 : kernel::cost(node) * 0.01;
      per_point += ns * fraction(node.kind == NodeKind::final_reduce ? ~node.once : node.varies);
    }
    for (const kernel::Store& store : kernel_.stores)
      if (store.level != Level::final)
        per_point += double(ir::size_of(kernel_.buffers[store.buffer].dtype)) * 0.015 * fraction(store.dims);
    plan_.work_ns = 20 + per_point * double(kernel_.points());
  }

  // The share of all points at which something over these dims happens.
  double fraction(kernel::DimSet dims) const {
    double share = 1;
    for (int d = 0; d < int(kernel_.dims.size()); ++d)
      if (!(dims & kernel::bit(d))) share /= double(kernel_.dims[std::size_t(d)].size);
    return share;
  }

  const Kernel& kernel_;
  Plan plan_;
  std::int64_t row_points_ = 1;  // points of the row dims without the lane dim
};

}  // namespace

std::vector<NodeId> point_roots(const Kernel& kernel, const Plan& plan, int stage) {
  std::vector<NodeId> roots;
  for (const NodeId id : row_reductions(kernel, stage)) roots.push_back(kernel.nodes[id].operands[0]);
  if (stage != kernel.row_stages) return roots;
  for (const kernel::Store& store : kernel.stores)
    if (store.level == Level::point) roots.push_back(store.value);
  for (const Accumulator& each : plan.accumulators)
    if (each.at_point) roots.push_back(kernel.nodes[each.node].operands[0]);
  return roots;
}

Plan make_plan(const Kernel& kernel, int vector_width) { return KernelPlanner(kernel, vector_width).run(); }

}  // namespace weft::cpu
