// Runs a kernel in floats, sums in double.
#include "tests/ir/kernel/interpret.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/reference/index.h"
#include "backends/reference/kernels.h"
#include "ir/kernel/queries.h"
#include "runtime/rng.h"

namespace weft::test {

using kernel::DimSet;
using kernel::Kernel;
using kernel::Level;
using kernel::Node;
using kernel::NodeId;
using kernel::NodeKind;
using kernel::Store;
using reference::Index;

namespace {

std::uint64_t join_words(double low, double high) {
  return std::uint64_t(std::uint32_t(std::int32_t(low))) | std::uint64_t(std::uint32_t(std::int32_t(high))) << 32;
}

class Interpreter {
 public:
  Interpreter(const Kernel& kernel, std::vector<std::vector<double>>& arguments)
      : kernel_(kernel), arguments_(arguments), index_(kernel.dims.size(), 0), sums_(kernel.nodes.size()) {
    for (NodeId id = 0; id < kernel.nodes.size(); ++id)
      sums_[id].assign(std::size_t(std::max<std::int64_t>(kernel.nodes[id].extent, 1)), start(kernel.nodes[id]));
  }

  void run() {
    const DimSet row = row_set(kernel_), all = kernel::bit(int(kernel_.dims.size())) - 1;
    over(all & ~row, [&] {
      for (int stage = 0; stage <= kernel_.row_stages; ++stage) {
        for (const NodeId id : row_reductions(kernel_, stage)) sums_[id][0] = start(kernel_.nodes[id]);
        over(row, [&] { point(stage); });
      }
      const DimSet outer = ~row;
      for (const NodeId id : final_reductions(kernel_))
        if (!counts_at_points(kernel_, id)) add(id, outer);
      for (const Store& each : kernel_.stores)
        if (each.level == Level::row && at_first(~each.dims & outer)) store(each);
    });
    for (const Store& each : kernel_.stores)
      if (each.level == Level::final) over(each.dims, [&] { store(each); });
  }

 private:
  static double start(const Node& node) {
    return node.code == ir::OpCode::reduce_max ? -std::numeric_limits<double>::infinity() : 0.0;
  }

  // Every index of the dims; the others are 0 or as they are.
  template <typename Body>
  void over(DimSet set, Body body) {
    const std::vector<int> dims = kernel::list(set);
    Index sizes;
    for (const int d : dims) sizes.push_back(kernel_.dims[std::size_t(d)].size);
    reference::for_each_position(sizes, [&](const Index& position) {
      for (std::size_t i = 0; i < dims.size(); ++i) index_[std::size_t(dims[i])] = position[i];
      body();
    });
    for (const int d : dims) index_[std::size_t(d)] = 0;
  }

  bool at_first(DimSet dims) const {
    for (std::size_t d = 0; d < index_.size(); ++d)
      if ((dims & kernel::bit(int(d))) && index_[d] != 0) return false;
    return true;
  }

  void point(int stage) {
    for (const NodeId id : row_reductions(kernel_, stage)) add(id, ~DimSet{0});
    if (stage != kernel_.row_stages) return;
    for (const NodeId id : final_reductions(kernel_))
      if (counts_at_points(kernel_, id)) add(id, ~DimSet{0});
    for (const Store& each : kernel_.stores)
      if (each.level == Level::point && at_first(~each.dims)) store(each);
  }

  // `known`: the dims that have an index now.
  void add(NodeId reduction, DimSet known) {
    const Node& node = kernel_.nodes[reduction];
    if (!at_first(node.once & known)) return;
    double& sum = sums_[reduction][std::size_t(address(node.map))];
    const double value = evaluate(node.operands[0]);
    if (node.code == ir::OpCode::reduce_sum)
      sum += value;
    else if (std::isnan(value) || value > sum)
      sum = value;
  }

  void store(const Store& store) { arguments_[store.buffer][std::size_t(address(store.map))] = evaluate(store.value); }

  std::int64_t address(const kernel::Map& map) const {
    std::int64_t at = map.offset;
    for (std::size_t d = 0; d < index_.size(); ++d) at += index_[d] * map.strides[d];
    return at;
  }

  double evaluate(NodeId id) {
    const Node& node = kernel_.nodes[id];
    return reference::round_to(node.dtype, value_of(id, node));
  }

  double value_of(NodeId id, const Node& node) {
    switch (node.kind) {
      case NodeKind::load:
        return load(node);
      case NodeKind::constant:
        return node.value;
      case NodeKind::index:
        return double(address(node.map));
      case NodeKind::random: {
        const std::vector<double>& seed = arguments_[node.buffer];
        const runtime::RandomSource source{join_words(seed[0], seed[1]), node.stream, join_words(seed[2], seed[3])};
        const auto element = std::uint32_t(address(node.map));
        return node.code == ir::OpCode::random_normal ? runtime::normal(source, element)
                                                      : runtime::uniform(source, element);
      }
      case NodeKind::op: {
        std::vector<reference::Tensor> numbers;
        for (const NodeId operand : node.operands)
          numbers.push_back({{kernel_.nodes[operand].dtype, {}}, {evaluate(operand)}});
        reference::Operands operands;
        for (const reference::Tensor& each : numbers) operands.push_back(&each);
        return reference::elementwise<float>(node.code, operands, {node.dtype, {}}).data[0];
      }
      case NodeKind::row_reduce:
      case NodeKind::final_reduce:
        return sums_[id][std::size_t(address(node.map))];
    }
    return 0;
  }

  double load(const Node& node) {
    std::int64_t at = address(node.map);
    for (std::size_t i = 0; i < node.indirect.size(); ++i)
      at += node.indirect[i].stride *
            std::clamp<std::int64_t>(std::int64_t(evaluate(node.operands[i])), 0, node.indirect[i].size - 1);
    const kernel::Buffer& buffer = kernel_.buffers[node.buffer];
    return (buffer.literal.empty() ? arguments_[node.buffer] : buffer.literal)[std::size_t(at)];
  }

  const Kernel& kernel_;
  std::vector<std::vector<double>>& arguments_;
  Index index_;
  std::vector<std::vector<double>> sums_;  // of reductions
};

}  // namespace

std::vector<std::int64_t> sizes_of_arguments(const Kernel& kernel) {
  std::vector<std::int64_t> sizes(std::size_t(kernel.arguments), 1);
  const auto reach = [&](std::uint32_t buffer, const kernel::Map& map, std::int64_t more) {
    if (buffer >= sizes.size()) return;
    std::int64_t last = map.offset + more;
    for (std::size_t d = 0; d < kernel.dims.size(); ++d)
      last += std::max<std::int64_t>(map.strides[d], 0) * (kernel.dims[d].size - 1);
    sizes[buffer] = std::max(sizes[buffer], last + 1);
  };
  for (const Node& node : kernel.nodes) {
    std::int64_t indirect = 0;
    for (const kernel::Indirect& each : node.indirect) indirect += each.stride * (each.size - 1);
    if (node.kind == NodeKind::load) reach(node.buffer, node.map, indirect);
    if (node.kind == NodeKind::random) reach(node.buffer, {3, std::vector<std::int64_t>(kernel.dims.size(), 0)}, 0);
  }
  for (const Store& store : kernel.stores) reach(store.buffer, store.map, 0);
  return sizes;
}

void interpret(const Kernel& kernel, std::vector<std::vector<double>>& arguments) {
  Interpreter(kernel, arguments).run();
}

}  // namespace weft::test
