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
    return std::tie(node.kind, node.code, node.dtype, node.operands, node.buffer, node.stream, node.map, node.indirect,
                    node.extent, node.level, node.stage, node.varies, node.once, node.name);
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

namespace {

double cost(ir::OpCode code) {
  using enum ir::OpCode;
  switch (code) {
    case exp:
      return 10;
    case sigmoid:
      return 20;
    case expm1:
    case log:
    case log1p:
      return 16;
    case sin:
    case cos:
    case tanh:
      return 26;
    case softplus:
      return 28;
    case erf:
      return 30;
    case pow:
      return 90;
    case div:
    case sqrt:
      return 8;
    case rsqrt:
      return 16;
    case random_uniform:
      return 70;
    case random_normal:
      return 110;
    case constant:
    case iota:
    case cast:
    case stop_gradient:
    case neg:
    case abs:
    case floor:
    case relu:
    case logical_not:
    case add:
    case sub:
    case mul:
    case eq:
    case ne:
    case lt:
    case gt:
    case logical_and:
    case logical_or:
    case select:
    case reduce_sum:
      return 1;
    case sign:
    case max:
    case min:
    case le:
    case ge:
    case reduce_max:
      return 3;
    case dim_size:
    case matmul:
    case conv2d:
    case conv_transpose2d:
    case conv2d_weight_grad:
    case similarity_lse:
    case similarity_pair:
    case similarity_lse_grad:
    case similarity_tiles:
    case max_pool2d:
    case max_pool2d_grad:
    case avg_pool2d:
    case avg_pool2d_grad:
    case broadcast:
    case reshape:
    case transpose:
    case slice:
    case pad:
    case concat:
    case gather:
    case scatter_add:
    case affine_sample:
    case affine_sample_grad:
    case pack:
    case view:
    case fused:
      break;
  }
  throw InternalError("cost: not an op of a kernel");
}

}  // namespace

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
      return cost(node.code);
  }
  return 0;
}

}  // namespace weft::kernel
