// Equality of kernels, and simple queries.
#include "ir/kernel/kernel.h"

#include <algorithm>
#include <tuple>

#include "ir/bits.h"
#include "ir/error.h"

namespace weft::kernel {

bool Buffer::operator==(const Buffer& other) const {
  const auto same = [](double a, double b) { return bits_of(a) == bits_of(b); };
  return name == other.name && dtype == other.dtype && output == other.output &&
         std::equal(literal.begin(), literal.end(), other.literal.begin(), other.literal.end(), same);
}

bool Node::operator==(const Node& other) const {
  const auto facts = [](const Node& node) {
    return std::tie(node.kind, node.code, node.dtype, node.operands, node.of_unit, node.buffer, node.stream, node.map,
                    node.indirect, node.extent, node.level, node.stage, node.varies, node.once, node.name);
  };
  return facts(*this) == facts(other) && bits_of(value) == bits_of(other.value);
}

DimSet bit(int dim) { return DimSet{1} << dim; }

std::int64_t Kernel::points() const {
  std::int64_t count = 1;
  for (const Dim& dim : dims) count *= dim.size;
  return count;
}

bool Kernel::reads(std::uint32_t buffer) const {
  return std::any_of(nodes.begin(), nodes.end(), [&](const Node& node) {
    return (node.kind == NodeKind::load || node.kind == NodeKind::random) && node.buffer == buffer;
  });
}

// One index selects a row; several select each element separately.
constexpr double kPickedElement = 12;

double cost(const Node& node) {
  switch (node.kind) {
    case NodeKind::load:
      return node.indirect.size() > 1 ? kPickedElement : 0;
    case NodeKind::constant:
    case NodeKind::index:
      return 0;
    case NodeKind::random:
    case NodeKind::op:
    case NodeKind::row_reduce:
    case NodeKind::final_reduce:
      return ir::info(node.code).cost;
  }
  return 0;
}

}  // namespace weft::kernel
