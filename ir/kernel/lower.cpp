// From a fused op's body to a Kernel: nodes and stores. See lower.h for what a body may be.
#include "ir/kernel/lower.h"

#include <algorithm>
#include <map>

#include "ir/bits.h"
#include "ir/error.h"
#include "ir/kernel/loops.h"
#include "ir/kernel/node_maker.h"
#include "ir/kernel/queries.h"
#include "ir/kernel/space.h"
#include "ir/kernel/stages.h"
#include "ir/kernel/verify.h"

namespace weft::kernel {

namespace {

using ir::Attr;
using ir::OpCode;
using ir::ValueId;

class Lowering : NodeMaker {
 public:
  Lowering(const ir::Graph& body, const std::vector<Strides>& inputs, const std::vector<Strides>& outputs,
           const std::string& name)
      : body_(body), space_(body), inputs_(inputs), outputs_(outputs) {
    if (inputs.size() != body.inputs.size() || outputs.size() != body.outputs.size())
      reject(body, "strides for each input and output");
    kernel_.name = name;
    for (int d = 0; d < space_.rank(); ++d)
      kernel_.dims.push_back({space_.sizes()[std::size_t(d)], (space_.row() & bit(d)) != 0});
  }

  Kernel run() {
    add_buffers();
    for (ir::OpId i = 0; i < body_.ops.size(); ++i)
      if (space_.is_live(i)) operand(body_.ops[i].results[0]);
    for (std::uint32_t i = 0; i < body_.outputs.size(); ++i) value_of_.push_back(operand(body_.outputs[i].value));
    set_stages(kernel_, body_, space_, value_of_);
    for (std::uint32_t i = 0; i < body_.outputs.size(); ++i) add_store(i);
    arrange_loops(kernel_);
    verify(kernel_);
    return std::move(kernel_);
  }

 private:
  using NodeMaker::constant;

  void add_buffers() {
    for (std::uint32_t i = 0; i < body_.inputs.size(); ++i)
      kernel_.buffers.push_back({body_.input_name(i), body_.type(body_.inputs[i].value).dtype, false, {}});
    for (const ir::Output& output : body_.outputs)
      kernel_.buffers.push_back({output.name, body_.type(output.value).dtype, true, {}});
    kernel_.arguments = int(kernel_.buffers.size());
  }

  // Of an input; kNone for a value that an op makes.
  std::uint32_t input_index(ValueId value) const {
    for (std::uint32_t i = 0; i < body_.inputs.size(); ++i)
      if (body_.inputs[i].value == value) return i;
    return ir::kNone;
  }

  NodeId add(Node node, ValueId value) {
    node.dtype = body_.type(value).dtype;
    node.name = body_.values[value].name;
    return push(std::move(node));
  }

  // Places. Each dim of a value is indexed by a loop dim, by a node (i32) or by a number.
  struct Coordinate {
    int loop = -1;
    NodeId node = ir::kNone;
    std::int64_t number = 0;
    auto operator<=>(const Coordinate&) const = default;
  };
  using Coordinates = std::vector<Coordinate>;

  // Where the value is at each point of the space.
  Coordinates own_place(ValueId value) const {
    Coordinates location(body_.type(value).rank());
    for (std::size_t i = 0; i < location.size(); ++i)
      if (!body_.type(value).dims[i].is_one()) location[i].loop = int(i) + space_.lead(value);
    return location;
  }

  // For an operand that is broadcast against the value at `where`.
  Coordinates aligned(const Coordinates& location, ValueId operand) const {
    const ir::Type& type = body_.type(operand);
    Coordinates result(type.rank());
    for (std::size_t i = 0; i < result.size(); ++i)
      if (!type.dims[i].is_one()) result[i] = location[location.size() - result.size() + i];
    return result;
  }

  NodeId operand(ValueId value) { return at(value, own_place(value)); }

  NodeId at(ValueId value, Coordinates location) {
    for (std::size_t i = 0; i < location.size(); ++i)
      if (body_.type(value).dims[i].is_one()) location[i] = {};
    const auto key = std::make_pair(value, location);
    if (const auto found = node_of_.find(key); found != node_of_.end()) return found->second;
    const std::uint32_t input = input_index(value);
    const NodeId node =
        input == ir::kNone ? lower_op(body_.values[value].op, location) : load(value, input, inputs_[input], location);
    return node_of_[key] = node;
  }

  // From a buffer that holds the value with the given strides, or row-major.
  NodeId load(ValueId value, std::uint32_t buffer, const Strides& given, const Coordinates& location) {
    const auto dims = numbers(body_.type(value).dims);
    const Strides strides = given.empty() ? ir::row_major(dims) : given;
    if (strides.size() != dims.size()) reject(body_, "one stride for each dim of a view");
    Node node;
    node.kind = NodeKind::load;
    node.buffer = buffer;
    node.map.strides.resize(std::size_t(space_.rank()), 0);
    for (std::size_t i = 0; i < location.size(); ++i) {
      if (location[i].loop >= 0) {
        node.map.strides[std::size_t(location[i].loop)] += strides[i];
      } else if (location[i].node != ir::kNone) {
        node.operands.push_back(location[i].node);
        node.indirect.push_back({strides[i], dims[i]});
      } else {
        node.map.offset += location[i].number * strides[i];
      }
    }
    return add(std::move(node), value);
  }

  NodeId constant(ValueId value, const std::vector<double>& values, const Coordinates& location) {
    if (is_uniform(values)) {
      Node node;
      node.value = values[0];
      return add(std::move(node), value);
    }
    kernel_.buffers.push_back(
        {fmt::format("literal{}", kernel_.buffers.size()), body_.type(value).dtype, false, values});
    return load(value, std::uint32_t(kernel_.buffers.size() - 1), {}, location);
  }

  NodeId index(ValueId value, const Coordinate& location) {
    const ir::DType dtype = body_.type(value).dtype;
    if (location.node != ir::kNone)
      return dtype == ir::DType::i32 ? location.node : apply(OpCode::cast, {location.node}, dtype);
    Node node;
    node.kind = NodeKind::index;
    node.map.strides.resize(std::size_t(space_.rank()), 0);
    node.map.offset = location.number;
    if (location.loop >= 0) node.map.strides[std::size_t(location.loop)] = 1;
    return add(std::move(node), value);
  }

  NodeId random(ValueId value, const ir::Op& op, const Coordinates& location) {
    Node node;
    node.kind = NodeKind::random;
    node.code = op.code;
    node.buffer = input_index(op.operands[0]);
    if (node.buffer == ir::kNone) reject(body_, "a seed must be an input of the body");
    if (location != own_place(value)) reject(body_, "random numbers at computed places");
    node.stream = std::uint32_t(op.attrs.integer(Attr::stream));
    node.map = space_.map(value, {});
    return add(std::move(node), value);
  }

  NodeId gather(const ir::Op& op, const Coordinates& location) {
    Coordinates from = location;
    from[0] = {-1, at(op.operands[1], {location[0]}), 0};
    return at(op.operands[0], from);
  }

  NodeId affine_sample(ValueId value, const ir::Op& op, const Coordinates& location) {
    const auto size = [&](ValueId of, std::size_t dim) { return number(body_.type(of).dims[dim]); };
    const ValueId x = op.operands[0];
    Axis axes[2];  // rows, columns
    for (std::size_t axis = 0; axis < 2; ++axis) {
      const auto theta = [&](std::int64_t column) {
        return at(op.operands[1], {location[0], {-1, ir::kNone, std::int64_t(1 - axis)}, {-1, ir::kNone, column}});
      };
      const std::int64_t length = size(x, 2 + axis);
      // In pixels from the middles, where a turn by 90 degrees and a flip are exact.
      const auto share = [&](std::int64_t column, std::size_t dim) {
        const double scale = double(length) / double(size(value, dim));
        return multiply(multiply(theta(column), scale), from_middle(location[dim], size(value, dim)));
      };
      const NodeId middle =
          apply(OpCode::add, {multiply(theta(2), double(length) / 2), constant(double(length - 1) / 2)});
      axes[axis] = axis_of(apply(OpCode::add, {apply(OpCode::add, {share(0, 3), share(1, 2)}), middle}), length);
    }
    const auto pixel = [&](int row, int column) {
      const Coordinate y{-1, axes[0].index[row], 0}, z{-1, axes[1].index[column], 0};
      const NodeId inside =
          apply(OpCode::logical_and, {axes[0].inside[row], axes[1].inside[column]}, ir::DType::boolean);
      // A share of 0 alone would let a NaN at the border through.
      const NodeId read = apply(OpCode::select, {inside, at(x, {location[0], location[1], y, z}), constant(0)});
      return apply(OpCode::mul, {read, axes[1].weight[column]});
    };
    const auto line = [&](int row) {
      return apply(OpCode::mul, {apply(OpCode::add, {pixel(row, 0), pixel(row, 1)}), axes[0].weight[row]});
    };
    const NodeId sum = apply(OpCode::add, {line(0), line(1)}, body_.type(value).dtype);
    kernel_.nodes[sum].name = body_.values[value].name;
    return sum;
  }

  // A coordinate as f32, counted from the middle of `length`.
  NodeId from_middle(const Coordinate& location, std::int64_t length) {
    const double middle = double(length - 1) / 2;
    if (location.loop < 0 && location.node == ir::kNone) return constant(double(location.number) - middle);
    NodeId index = location.node;
    if (index == ir::kNone) {
      Node node;
      node.kind = NodeKind::index;
      node.dtype = ir::DType::i32;
      node.map.strides.resize(std::size_t(space_.rank()), 0);
      node.map.strides[std::size_t(location.loop)] = 1;
      index = push(std::move(node));
    }
    return apply(OpCode::sub, {apply(OpCode::cast, {index}), constant(middle)});
  }

  NodeId reduce(ValueId value, ir::OpId id) {
    const ir::Op& op = body_.ops[id];
    const NodeId from = operand(op.operands[0]);
    const DimSet axes = space_.reduced(op), extents = space_.extents(op.operands[0]);
    if (axes == 0) return from;
    const DimSet all = space_.dims();
    Node node;
    node.code = op.code;
    node.operands = {from};
    if (space_.is_row_reduce(id)) {
      node.kind = NodeKind::row_reduce;
      node.once = space_.row() & all & ~extents;
      return add(std::move(node), value);
    }
    node.kind = NodeKind::final_reduce;
    node.map.strides.resize(std::size_t(space_.rank()), 0);
    for (int d = 0; d < space_.rank(); ++d)
      if (extents & ~axes & bit(d)) node.map.strides[std::size_t(d)] = 1;
    node.once = all & ~extents;
    return add(std::move(node), value);
  }

  NodeId elementwise(ValueId value, const ir::Op& op, const Coordinates& location) {
    std::vector<NodeId> operands;
    for (const ValueId each : op.operands) operands.push_back(at(each, aligned(location, each)));
    const bool is_f32 = body_.type(value).dtype == ir::DType::f32;
    NodeId result = 0;
    if (op.code == OpCode::softplus && is_f32)
      result = softplus(operands[0]);
    else if (op.code == OpCode::sigmoid && is_f32 && has_softplus(op.operands[0]))
      result = sigmoid(operands[0]);
    else
      result = apply(op.code, std::move(operands), body_.type(value).dtype);
    kernel_.nodes[result].name = body_.values[value].name;
    return result;
  }

  // A cross-entropy and its gradient need softplus and sigmoid of one number: written over e^-|x| both, they share it.
  bool has_softplus(ValueId x) const {
    for (ir::OpId i = 0; i < body_.ops.size(); ++i)
      if (space_.is_live(i) && body_.ops[i].code == OpCode::softplus && body_.ops[i].operands[0] == x) return true;
    return false;
  }

  NodeId lower_op(ir::OpId id, const Coordinates& location) {
    const ir::Op& op = body_.ops[id];
    const ValueId value = op.results[0];
    if (op.code == OpCode::constant) return constant(value, op.attrs.numbers(Attr::values), location);
    if (op.code == OpCode::iota) return index(value, location[std::size_t(op.attrs.integer(Attr::axis))]);
    if (ir::has(op.code, ir::Trait::random)) return random(value, op, location);
    if (op.code == OpCode::gather) return gather(op, location);
    if (op.code == OpCode::affine_sample) return affine_sample(value, op, location);
    if (is_reduce(op.code)) {
      if (location != own_place(value)) reject(body_, "a reduction is read at a computed place");
      return reduce(value, id);
    }
    if (op.code == OpCode::reshape && space_.extents(value) != 0) reject(body_, "a reshape that moves elements");
    const bool same_type = !op.operands.empty() && body_.type(op.operands[0]).dtype == body_.type(value).dtype;
    if (op.code == OpCode::reshape) return at(op.operands[0], Coordinates(body_.type(op.operands[0]).rank()));
    if (op.code == OpCode::broadcast || op.code == OpCode::stop_gradient || (op.code == OpCode::cast && same_type))
      return at(op.operands[0], aligned(location, op.operands[0]));
    if (!ir::is_elementwise(op.code)) reject(body_, fmt::format("{} cannot be in a kernel", ir::name(op.code)));
    return elementwise(value, op, location);
  }

  void add_store(std::uint32_t output) {
    const ValueId value = body_.outputs[output].value;
    Store store;
    store.value = value_of_[output];
    store.buffer = std::uint32_t(body_.inputs.size()) + output;
    store.map = space_.map(value, outputs_[output]);
    store.dims = space_.extents(value);
    const Node& node = kernel_.nodes[store.value];
    const DimSet row = space_.row(), outer = space_.dims() & ~row;
    if (node.level == Level::final)
      store.level = Level::final;
    else if (is_free(node) && store.dims == (outer | row))
      store.level = Level::point;
    else if (is_free(node) && store.dims != outer)
      store.level = Level::final;
    else
      store.level = (store.dims & row) != 0 || row == 0 ? Level::point : Level::row;
    kernel_.stores.push_back(std::move(store));
  }

  const ir::Graph& body_;
  Space space_;
  const std::vector<Strides>& inputs_;
  const std::vector<Strides>& outputs_;
  std::map<std::pair<ValueId, Coordinates>, NodeId> node_of_;
  std::vector<NodeId> value_of_;  // of each output
};

}  // namespace

Kernel lower(const ir::Graph& body, const std::vector<Strides>& inputs, const std::vector<Strides>& outputs,
             const std::string& name) {
  return Lowering(body, inputs, outputs, name).run();
}

}  // namespace weft::kernel
