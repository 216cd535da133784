// From a fused op's body to a Kernel: nodes, their levels and stages, stores. See lower.h for what a body may be.
#include "backends/kernel/lower.h"

#include <algorithm>
#include <map>

#include "backends/kernel/loops.h"
#include "backends/kernel/space.h"
#include "ir/error.h"

namespace weft::kernel {

namespace {

using ir::Attr;
using ir::OpCode;
using ir::ValueId;

class Lowering {
 public:
  Lowering(const ir::Graph& body, const std::vector<Strides>& inputs, const std::vector<Strides>& outputs,
           const std::string& name)
      : body_(body), space_(body), inputs_(inputs), outputs_(outputs), node_of_(body.values.size(), ir::kNone) {
    if (inputs.size() != body.inputs.size() || outputs.size() != body.outputs.size())
      reject(body, "strides for each input and output");
    kernel_.name = name;
    for (int d = 0; d < space_.rank(); ++d)
      kernel_.dims.push_back({space_.sizes()[std::size_t(d)], (space_.row() & bit(d)) != 0});
  }

  Kernel run() {
    add_buffers();
    for (ir::OpId i = 0; i < body_.ops.size(); ++i)
      if (space_.is_live(i)) node_of_[body_.ops[i].results[0]] = lower_op(i);
    for (std::uint32_t i = 0; i < body_.outputs.size(); ++i) value_of_.push_back(operand(body_.outputs[i].value));
    set_stages();
    for (std::uint32_t i = 0; i < body_.outputs.size(); ++i) add_store(i);
    arrange_loops(kernel_);
    return std::move(kernel_);
  }

 private:
  void add_buffers() {
    for (std::uint32_t i = 0; i < body_.inputs.size(); ++i)
      kernel_.buffers.push_back({body_.input_name(i), body_.type(body_.inputs[i].value).dtype, false, {}});
    for (const ir::Output& output : body_.outputs)
      kernel_.buffers.push_back({output.name, body_.type(output.value).dtype, true, {}});
    kernel_.arguments = int(kernel_.buffers.size());
  }

  std::uint32_t input_index(ValueId value) const {
    for (std::uint32_t i = 0; i < body_.inputs.size(); ++i)
      if (body_.inputs[i].value == value) return i;
    reject(body_, "tables, indices and seeds must be inputs of the body");
  }

  NodeId add(Node node, ValueId value) {
    node.dtype = body_.type(value).dtype;
    node.name = body_.values[value].name;
    node.map.strides.resize(std::size_t(space_.rank()), 0);
    if (node.indirect) node.indirect->map.strides.resize(std::size_t(space_.rank()), 0);
    kernel_.nodes.push_back(std::move(node));
    return NodeId(kernel_.nodes.size() - 1);
  }

  static DimSet nonzero(const Map& map) {
    DimSet set = 0;
    for (std::size_t d = 0; d < map.strides.size(); ++d)
      if (map.strides[d] != 0) set |= bit(int(d));
    return set;
  }

  NodeId load(ValueId value, std::uint32_t buffer, Map map) {
    Node node;
    node.kind = NodeKind::load;
    node.buffer = buffer;
    node.varies = nonzero(map);
    node.map = std::move(map);
    return add(std::move(node), value);
  }

  NodeId operand(ValueId value) {
    if (node_of_[value] == ir::kNone) {
      const std::uint32_t index = input_index(value);
      node_of_[value] = load(value, index, space_.map(value, inputs_[index]));
    }
    return node_of_[value];
  }

  NodeId constant(ValueId value, const std::vector<double>& values) {
    if (std::all_of(values.begin(), values.end(), [&](double each) { return each == values[0]; })) {
      Node node;
      node.value = values[0];
      return add(std::move(node), value);
    }
    kernel_.buffers.push_back(
        {fmt::format("literal{}", kernel_.buffers.size()), body_.type(value).dtype, false, values});
    return load(value, std::uint32_t(kernel_.buffers.size() - 1), space_.map(value, {}));
  }

  NodeId index(ValueId value, std::int64_t axis) {
    Node node;
    node.kind = NodeKind::index;
    node.map.strides.resize(std::size_t(space_.rank()), 0);
    if (number(body_.type(value).dims[std::size_t(axis)]) > 1)
      node.map.strides[std::size_t(axis + space_.lead(value))] = 1;
    node.varies = nonzero(node.map);
    return add(std::move(node), value);
  }

  NodeId random(ValueId value, const ir::Op& op) {
    Node node;
    node.kind = NodeKind::random;
    node.code = op.code;
    node.buffer = input_index(op.operands[0]);
    node.stream = std::uint32_t(op.attrs.integer(Attr::stream));
    node.map = space_.map(value, {});
    node.varies = nonzero(node.map);
    return add(std::move(node), value);
  }

  NodeId gather(ValueId value, const ir::Op& op) {
    const std::uint32_t table = input_index(op.operands[0]), indices = input_index(op.operands[1]);
    const ir::Type& table_type = body_.type(op.operands[0]);
    const auto strides = inputs_[table].empty() ? row_major(numbers(table_type.dims)) : inputs_[table];
    Map map = space_.map(value, strides);  // the result has the table's rank
    const auto first = std::size_t(space_.lead(value));
    map.strides[first] = 0;
    Map where{0, std::vector<std::int64_t>(std::size_t(space_.rank()), 0)};
    if (number(body_.type(value).dims[0]) > 1)
      where.strides[first] = inputs_[indices].empty() ? 1 : inputs_[indices][0];
    Node node;
    node.kind = NodeKind::load;
    node.buffer = table;
    node.varies = nonzero(map) | nonzero(where);
    node.map = std::move(map);
    node.indirect = Indirect{indices, std::move(where), strides[0], number(table_type.dims[0])};
    return add(std::move(node), value);
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
      node.varies = kernel_.nodes[from].varies & ~axes;
      node.once = space_.row() & all & ~extents;
      return add(std::move(node), value);
    }
    node.kind = NodeKind::final_reduce;
    node.map.strides.resize(std::size_t(space_.rank()), 0);
    for (int d = 0; d < space_.rank(); ++d)
      if (extents & ~axes & bit(d)) node.map.strides[std::size_t(d)] = 1;
    node.varies = extents & ~axes;
    node.once = all & ~extents;
    return add(std::move(node), value);
  }

  NodeId elementwise(ValueId value, const ir::Op& op) {
    std::vector<NodeId> operands;
    for (const ValueId each : op.operands) operands.push_back(operand(each));
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

  NodeId apply(OpCode code, std::vector<NodeId> operands, ir::DType dtype = ir::DType::f32) {
    Node node;
    node.kind = NodeKind::op;
    node.code = code;
    node.dtype = dtype;
    for (const NodeId each : operands) node.varies |= kernel_.nodes[each].varies;
    node.operands = std::move(operands);
    node.map.strides.resize(std::size_t(space_.rank()), 0);
    kernel_.nodes.push_back(std::move(node));
    return NodeId(kernel_.nodes.size() - 1);
  }

  NodeId constant(double number) {
    Node node;
    node.value = number;
    node.map.strides.resize(std::size_t(space_.rank()), 0);
    kernel_.nodes.push_back(std::move(node));
    return NodeId(kernel_.nodes.size() - 1);
  }

  // A cross-entropy and its gradient need softplus and sigmoid of one number: written over e^-|x| both, they share it.
  bool has_softplus(ValueId x) const {
    for (ir::OpId i = 0; i < body_.ops.size(); ++i)
      if (space_.is_live(i) && body_.ops[i].code == OpCode::softplus && body_.ops[i].operands[0] == x) return true;
    return false;
  }

  NodeId exp_minus_abs(NodeId x) {
    const auto found = exp_minus_abs_.find(x);
    if (found != exp_minus_abs_.end()) return found->second;
    return exp_minus_abs_[x] = apply(OpCode::exp, {apply(OpCode::neg, {apply(OpCode::abs, {x})})});
  }

  // max(x, 0) + log(1 + e^-|x|)
  NodeId softplus(NodeId x) {
    const NodeId log = apply(OpCode::log1p, {exp_minus_abs(x)});
    return apply(OpCode::add, {apply(OpCode::relu, {x}), log});
  }

  // (x < 0 ? e^-|x| : 1) / (1 + e^-|x|)
  NodeId sigmoid(NodeId x) {
    const NodeId e = exp_minus_abs(x), one = constant(1);
    const NodeId negative = apply(OpCode::lt, {x, constant(0)}, ir::DType::boolean);
    return apply(OpCode::div, {apply(OpCode::select, {negative, e, one}), apply(OpCode::add, {one, e})});
  }

  NodeId lower_op(ir::OpId id) {
    const ir::Op& op = body_.ops[id];
    const ValueId value = op.results[0];
    if (op.code == OpCode::constant) return constant(value, op.attrs.numbers(Attr::values));
    if (op.code == OpCode::iota) return index(value, op.attrs.integer(Attr::axis));
    if (op.code == OpCode::random_uniform || op.code == OpCode::random_normal) return random(value, op);
    if (op.code == OpCode::gather) return gather(value, op);
    if (is_reduce(op.code)) return reduce(value, id);
    if (op.code == OpCode::reshape && space_.extents(value) != 0) reject(body_, "a reshape that moves elements");
    const bool same_type = !op.operands.empty() && body_.type(op.operands[0]).dtype == body_.type(value).dtype;
    if (op.code == OpCode::broadcast || op.code == OpCode::reshape || op.code == OpCode::stop_gradient ||
        (op.code == OpCode::cast && same_type))
      return operand(op.operands[0]);
    if (!ir::is_elementwise(op.code)) reject(body_, fmt::format("{} cannot be in a kernel", ir::name(op.code)));
    return elementwise(value, op);
  }

  // Levels and stages. A row reduction that no point needs waits for the last stage, so that one pass does all.
  void set_stages() {
    const std::vector<bool> feeds_point = find_feeding();
    for (Node& node : kernel_.nodes) {
      bool depends_on_row = false;
      for (const NodeId id : node.operands) {
        const Node& from = kernel_.nodes[id];
        node.stage = std::max(node.stage, from.stage + (from.kind == NodeKind::row_reduce ? 1 : 0));
        depends_on_row = depends_on_row || from.level == Level::row || from.stage > 0;
        if (from.level == Level::final) node.level = Level::final;
      }
      if (node.kind == NodeKind::final_reduce) node.level = Level::final;
      for (const NodeId id : node.operands)
        if (node.level == Level::final && node.kind != NodeKind::final_reduce && !is_final_or_free(kernel_.nodes[id]))
          reject(body_, "a final value meets a row's");
      if (node.level == Level::final) continue;
      const bool row_reduce = node.kind == NodeKind::row_reduce;
      if (row_reduce || (depends_on_row && (node.varies & space_.row()) == 0)) node.level = Level::row;
      if (row_reduce && feeds_point[std::size_t(&node - kernel_.nodes.data())])
        kernel_.row_stages = std::max(kernel_.row_stages, node.stage + 1);
    }
    delay_idle_reduces(feeds_point);
  }

  static bool is_final_or_free(const Node& node) {
    return node.level == Level::final || (node.level == Level::point && node.stage == 0);
  }

  // Nodes that some node varying along the row depends on; outputs that extend along the row count.
  std::vector<bool> find_feeding() const {
    std::vector<bool> feeds(kernel_.nodes.size(), false);
    for (std::size_t i = 0; i < body_.outputs.size(); ++i)
      if (space_.extents(body_.outputs[i].value) & space_.row()) feeds[value_of_[i]] = true;
    for (std::size_t i = kernel_.nodes.size(); i-- > 0;)
      for (const NodeId id : kernel_.nodes[i].operands)
        if (feeds[i] || (kernel_.nodes[i].varies & space_.row()) != 0 || adds_at_points(kernel_.nodes[i], id))
          feeds[id] = true;
    return feeds;
  }

  // Whether a reduction takes up one number of a row again and again along it.
  bool adds_at_points(const Node& node, NodeId operand) const {
    if (node.kind == NodeKind::row_reduce) return (kernel_.nodes[operand].varies & space_.row()) == 0;
    return node.kind == NodeKind::final_reduce && (space_.row() & ~node.once) != 0;
  }

  void delay_idle_reduces(const std::vector<bool>& feeds_point) {
    for (std::size_t i = 0; i < kernel_.nodes.size(); ++i) {
      Node& node = kernel_.nodes[i];
      if (node.kind == NodeKind::row_reduce && !feeds_point[i]) node.stage = kernel_.row_stages;
      for (const NodeId id : node.operands) {
        const Node& from = kernel_.nodes[id];
        const int least = from.stage + (from.kind == NodeKind::row_reduce ? 1 : 0);
        if (node.level != Level::final && !(node.kind == NodeKind::row_reduce && !feeds_point[i]))
          node.stage = std::max(node.stage, least);
      }
    }
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
    const bool free = node.level == Level::point && node.stage == 0;  // depends on no reduction
    if (node.level == Level::final)
      store.level = Level::final;
    else if (free && store.dims == (outer | row))
      store.level = Level::point;
    else if (free && store.dims != outer)
      store.level = Level::final;
    else
      store.level = (store.dims & row) != 0 || row == 0 ? Level::point : Level::row;
    kernel_.stores.push_back(std::move(store));
  }

  const ir::Graph& body_;
  Space space_;
  const std::vector<Strides>& inputs_;
  const std::vector<Strides>& outputs_;
  std::vector<NodeId> node_of_;   // of each graph value
  std::vector<NodeId> value_of_;  // of each output
  std::map<NodeId, NodeId> exp_minus_abs_;
  Kernel kernel_;
};

}  // namespace

Kernel lower(const ir::Graph& body, const std::vector<Strides>& inputs, const std::vector<Strides>& outputs,
             const std::string& name) {
  return Lowering(body, inputs, outputs, name).run();
}

}  // namespace weft::kernel
