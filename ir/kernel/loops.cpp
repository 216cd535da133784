// Loop order, lane dim and merging of loops.
#include "ir/kernel/loops.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "ir/error.h"

namespace weft::kernel {

namespace {

template <typename Visit>
void for_each_map(Kernel& kernel, Visit visit) {
  for (Node& node : kernel.nodes) visit(node.map);
  for (Store& store : kernel.stores) visit(store.map);
}

template <typename Visit>
void for_each_set(Kernel& kernel, Visit visit) {
  for (Node& node : kernel.nodes) {
    visit(node.varies);
    visit(node.once);
  }
  for (Store& store : kernel.stores) visit(store.dims);
}

DimSet renumber(DimSet set, const std::vector<int>& order) {
  DimSet result = 0;
  for (std::size_t d = 0; d < order.size(); ++d)
    if (set & bit(order[d])) result |= bit(int(d));
  return result;
}

// New dim d is old dim order[d]; drops old dims that are not in `order`, which have size 1.
void reorder(Kernel& kernel, const std::vector<int>& order) {
  for_each_map(kernel, [&](Map& map) {
    std::vector<std::int64_t> strides;
    for (const int d : order) strides.push_back(map.strides[std::size_t(d)]);
    map.strides = std::move(strides);
  });
  for_each_set(kernel, [&](DimSet& set) { set = renumber(set, order); });
  std::vector<Dim> dims;
  for (const int d : order) dims.push_back(kernel.dims[std::size_t(d)]);
  kernel.dims = std::move(dims);
}

struct Access {
  const Map* map;
  double weight;  // bytes, doubled for a store: scattered stores cost more than gathered loads
};

std::vector<Access> accesses(const Kernel& kernel) {
  std::vector<Access> result;
  for (const Node& node : kernel.nodes)
    if (node.kind == NodeKind::load)
      result.push_back({&node.map, double(ir::size_of(kernel.buffers[node.buffer].dtype))});
  for (const Store& store : kernel.stores)
    if (store.level != Level::final)
      result.push_back({&store.map, 2.0 * double(ir::size_of(kernel.buffers[store.buffer].dtype))});
  return result;
}

// The dim along which most bytes are contiguous; the innermost of equals.
int choose_lane(const Kernel& kernel, const std::vector<int>& candidates) {
  int best = -1;
  double best_score = 0;
  const std::vector<Access> all = accesses(kernel);
  for (const int d : candidates) {
    double score = 0;
    for (const Access& access : all) {
      const std::int64_t stride = std::abs(access.map->strides[std::size_t(d)]);
      if (stride == 1) score += access.weight;
      if (stride > 1) score -= access.weight;
    }
    if (best >= 0 && score < best_score) continue;
    best = d;
    best_score = score;
  }
  return best;
}

std::vector<int> choose_order(const Kernel& kernel, int lane, const std::vector<int>& dims) {
  const std::vector<Access> all = accesses(kernel);
  const auto reach = [&](int d) {
    double total = 0;
    for (const Access& access : all) total += access.weight * double(std::abs(access.map->strides[std::size_t(d)]));
    return total;
  };
  std::vector<int> order = dims;
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    const bool row_a = kernel.dims[std::size_t(a)].row, row_b = kernel.dims[std::size_t(b)].row;
    if (row_a != row_b) return row_b;
    if ((a == lane) != (b == lane)) return b == lane;
    return reach(a) > reach(b);
  });
  return order;
}

// Until here, the maps of final reductions have stride 1 along each kept dim. This makes the accumulators a dense
// array, contiguous along the lane dim.
void number_accumulators(Kernel& kernel, std::size_t lane) {
  std::vector<std::size_t> inside_out;
  for (std::size_t d = kernel.dims.size(); d-- > 0;) inside_out.push_back(d);
  std::stable_partition(inside_out.begin(), inside_out.end(), [&](std::size_t d) { return d == lane; });
  for (Node& node : kernel.nodes) {
    if (node.kind != NodeKind::final_reduce) continue;
    node.extent = 1;
    for (const std::size_t d : inside_out) {
      if (node.map.strides[d] == 0) continue;
      node.map.strides[d] = node.extent;
      node.extent *= kernel.dims[d].size;
    }
  }
}

// Whether every map needs only outer index * size of inner + inner index of the two dims.
bool can_join(Kernel& kernel, std::size_t outer, std::size_t inner) {
  if (kernel.dims[outer].row != kernel.dims[inner].row) return false;
  bool joins = true;
  for_each_map(kernel, [&](const Map& map) {
    joins = joins && map.strides[outer] == map.strides[inner] * kernel.dims[inner].size;
  });
  const auto alike = [&](DimSet set) { return ((set >> outer) & 1) == ((set >> inner) & 1); };
  for (const Node& node : kernel.nodes) joins = joins && alike(node.once);
  for (const Store& store : kernel.stores) joins = joins && alike(store.dims);
  return joins;
}

// Dims d and d + 1.
void join(Kernel& kernel, std::size_t d) {
  for_each_map(kernel, [&](Map& map) { map.strides.erase(map.strides.begin() + std::ptrdiff_t(d)); });
  for_each_set(kernel, [&](DimSet& set) {
    const DimSet low = set & (bit(int(d)) - 1), either = ((set >> d) | (set >> (d + 1))) & 1;
    set = low | either << d | (set >> (d + 2)) << (d + 1);
  });
  kernel.dims[d + 1].size *= kernel.dims[d].size;
  kernel.dims.erase(kernel.dims.begin() + std::ptrdiff_t(d));
}

// Merges the first pair of adjacent dims that can merge.
bool join_some(Kernel& kernel) {
  const std::size_t rank = kernel.dims.size();
  for (std::size_t outer = 0; outer < rank; ++outer)
    for (std::size_t inner = 0; inner < rank; ++inner) {
      if (outer == inner || !can_join(kernel, outer, inner)) continue;
      std::vector<int> order;
      for (std::size_t d = 0; d < rank; ++d) {
        if (d != inner) order.push_back(int(d));
        if (d == outer) order.push_back(int(inner));
      }
      reorder(kernel, order);
      join(kernel, inner < outer ? outer - 1 : outer);
      return true;
    }
  return false;
}

}  // namespace

void arrange_loops(Kernel& kernel) {
  check(kernel.dims.size() <= kMostDims, "a kernel has too many dims");
  std::vector<int> real;
  for (std::size_t d = 0; d < kernel.dims.size(); ++d)
    if (kernel.dims[d].size > 1) real.push_back(int(d));
  reorder(kernel, real);
  while (join_some(kernel)) {  // before choosing the lane dim: a longer one fills its vectors better
  }
  real.resize(kernel.dims.size());
  std::iota(real.begin(), real.end(), 0);
  const int lane = choose_lane(kernel, real);
  const bool lane_in_row = lane >= 0 && kernel.dims[std::size_t(lane)].row;
  const std::vector<int> order = choose_order(kernel, lane, real);
  reorder(kernel, order);
  number_accumulators(kernel, std::size_t(std::find(order.begin(), order.end(), lane) - order.begin()));
  // Accumulators are dense along neighbours only now
  for (std::size_t d = kernel.dims.size(); d-- > 0;)
    while (d + 1 < kernel.dims.size() && can_join(kernel, d, d + 1)) join(kernel, d);
  if (lane < 0) return;
  for (std::size_t d = 0; d < kernel.dims.size(); ++d)
    if (kernel.dims[d].row == lane_in_row) kernel.lane = int(d);
}

}  // namespace weft::kernel
