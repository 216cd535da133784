// Nodes as text: loads, indices, random numbers, scalar ops.
#include "backends/cuda/codegen/values.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <set>

#include "backends/cuda/codegen/emit.h"
#include "ir/error.h"
#include "ir/scalar.h"

namespace weft::cuda {

using kernel::DimSet;
using kernel::Kernel;
using kernel::Map;
using kernel::Node;
using kernel::NodeId;
using kernel::NodeKind;

void Source::line(const std::string& text) {
  if (!text.empty()) text_ += std::string(std::size_t(depth_) * 2, ' ') + text;
  text_ += '\n';
}

void Source::open(const std::string& head) {
  line(head + " {");
  ++depth_;
}

void Source::close(const std::string& tail) {
  --depth_;
  line(tail);
}

std::string Source::define(const char* type, const std::string& value) {
  const std::string name = fmt::format("part{}", ++defined_);  // names of nodes end in _ and a number
  line(fmt::format("const {} {} = {};", type, name, value));
  return name;
}

Buffers::Buffers(const Kernel& kernel) : kernel_(kernel) {
  std::set<std::string> used;
  for (std::size_t i = 0; i < kernel.buffers.size(); ++i) {
    const kernel::Buffer& buffer = kernel.buffers[i];
    // Names of variables end in a number; these never do.
    const std::string own = buffer.name.empty() ? fmt::format("b{}", i) : identifier(buffer.name);
    const char* tail = !buffer.literal.empty() ? "literal" : buffer.output ? "out" : "in";
    std::string name = fmt::format("{}_{}", !buffer.literal.empty() ? identifier(kernel.name) + "_" + own : own, tail);
    if (!used.insert(name).second) name = fmt::format("{}_{}_{}", own, i, tail);
    used.insert(name);
    names_.push_back(name);
  }
}

std::string Buffers::parameters() const {
  std::string text;
  for (std::size_t i = 0; i < std::size_t(kernel_.arguments); ++i) {
    const kernel::Buffer& buffer = kernel_.buffers[i];
    text += fmt::format("{}{}* {}, ", buffer.output ? "" : "const ", element_name(buffer.dtype), names_[i]);
  }
  return text + "void* scratch";
}

std::string Buffers::literals() const {
  std::string text;
  for (std::size_t i = std::size_t(kernel_.arguments); i < kernel_.buffers.size(); ++i) {
    const kernel::Buffer& buffer = kernel_.buffers[i];
    const Kind kind = is_float(buffer.dtype) ? Kind::f32 : Kind::i32;
    std::string numbers;
    for (const double each : buffer.literal) numbers += (numbers.empty() ? "" : ", ") + literal(each, kind);
    text += fmt::format("__device__ const {} {}[{}] = {{{}}};\n", type_name(kind), names_[i], buffer.literal.size(),
                        numbers);
  }
  return text;
}

std::string index_type(const Kernel& kernel) {
  // Threads of the last block count past the end.
  constexpr std::int64_t kMost = std::numeric_limits<int>::max() - (1 << 20);
  const auto reach = [&](const Map& map) {
    std::int64_t last = std::abs(map.offset);
    for (std::size_t d = 0; d < kernel.dims.size(); ++d) last += std::abs(map.strides[d]) * (kernel.dims[d].size - 1);
    return last;
  };
  std::int64_t most = kernel.points();
  for (const Node& node : kernel.nodes) {
    std::int64_t last = reach(node.map);
    for (const kernel::Indirect& each : node.indirect) last += std::abs(each.stride) * each.size;
    most = std::max(most, last);
  }
  for (const kernel::Store& store : kernel.stores) most = std::max(most, reach(store.map));
  return most < kMost ? "int" : "long long";
}

std::string variable(const Kernel& kernel, NodeId node) {
  const std::string& name = kernel.nodes[node].name;
  return fmt::format("{}_{}", name.empty() ? "t" : identifier(name), node);
}

Values::Values(const Kernel& kernel, const Buffers& buffers, Source& source)
    : kernel_(kernel), buffers_(buffers), source_(source), index_(kernel.dims.size()), known_(1) {}

const std::string* Values::find(NodeId node) const {
  for (std::size_t i = known_.size(); i-- > 0;)
    if (const auto found = known_[i].find(node); found != known_[i].end()) return &found->second;
  return nullptr;
}

std::string Values::address(const Map& map) const {
  std::string text;
  for (std::size_t d = 0; d < map.strides.size(); ++d) {
    if (map.strides[d] == 0 || index_[d].empty()) continue;
    const std::string term = map.strides[d] == 1 ? index_[d] : fmt::format("{} * {}", map.strides[d], index_[d]);
    text += (text.empty() ? "" : " + ") + term;
  }
  if (text.empty()) return std::to_string(map.offset);
  return map.offset == 0 ? text : fmt::format("{} + {}", text, map.offset);
}

std::string Values::at_first(DimSet dims) const {
  std::string text;
  for (std::size_t d = 0; d < index_.size(); ++d)
    if ((dims & kernel::bit(int(d))) && !index_[d].empty())
      text += fmt::format("{}{} == 0", text.empty() ? "" : " && ", index_[d]);
  return text;
}

std::string Values::place(const Node& node) {
  std::string place = address(node.map);
  // The product with the stride must be as wide as addresses.
  const char* wide = index_type(kernel_) == "int" ? "" : "ll";
  for (std::size_t i = 0; i < node.indirect.size(); ++i) {
    const kernel::Indirect& each = node.indirect[i];
    place += fmt::format(" + {}{} * clamp_index({}, {}u)", each.stride, wide, get(node.operands[i]), each.size);
  }
  return place.rfind("0 + ", 0) == 0 ? place.substr(4) : place;
}

Text Values::load(const Node& node) {
  const kernel::Buffer& buffer = kernel_.buffers[node.buffer];
  const std::string element = fmt::format("{}[{}]", buffers_.name(node.buffer), place(node));
  if (buffer.literal.empty()) return from_memory(element, buffer.dtype);
  const Kind kind = is_float(buffer.dtype) ? Kind::f32 : Kind::i32;
  return rounded(convert(Text(element, kind), kind_of(buffer.dtype)), buffer.dtype);
}

Text Values::apply(const Node& node) {
  std::vector<Text> operands;
  for (const NodeId operand : node.operands)
    operands.emplace_back(get(operand), kind_of(kernel_.nodes[operand].dtype), true, &source_);
  const Kind kind = kind_of(node.dtype);
  if (node.code == ir::OpCode::cast) return rounded(convert(operands[0], kind), node.dtype);
  return rounded(convert(ir::apply_scalar<Text>(node.code, operands.data()), kind), node.dtype);
}

Text Values::evaluate(const Node& node) {
  const Kind kind = kind_of(node.dtype);
  switch (node.kind) {
    case NodeKind::load:
      return load(node);
    case NodeKind::index:
      return rounded(convert(Text(fmt::format("(int)({})", address(node.map)), Kind::i32), kind), node.dtype);
    case NodeKind::random: {
      const char* function = node.code == ir::OpCode::random_normal ? "random_normal" : "random_uniform";
      return Text(fmt::format("{}({}, {}u, (unsigned)({}))", function, buffers_.name(node.buffer), node.stream,
                              address(node.map)),
                  Kind::f32);
    }
    case NodeKind::op:
      return apply(node);
    case NodeKind::constant:
    case NodeKind::row_reduce:
    case NodeKind::final_reduce:
      break;
  }
  throw InternalError("internal error: a reduction is read before it is emitted");
}

std::string Values::get(NodeId id) {
  if (const std::string* name = find(id)) return *name;
  const Node& node = kernel_.nodes[id];
  const Kind kind = kind_of(node.dtype);
  if (node.kind == NodeKind::constant) {
    if (ir::is_narrow_float(node.dtype)) return rounded(Text(literal(node.value, kind), kind), node.dtype).code();
    return node.value < 0 ? "(" + literal(node.value, kind) + ")" : literal(node.value, kind);
  }
  if (node.kind == NodeKind::final_reduce && total) {
    define(id, total(id));
    return *find(id);
  }
  const std::string value = evaluate(node).code(), name = variable(kernel_, id);
  source_.line(fmt::format("const {} {} = {};", type_name(kind), name, value));
  define(id, name);
  return name;
}

void Values::hoist(NodeId id, DimSet available, std::vector<bool>& seen) {
  if (seen[id] || is_known(id)) return;
  seen[id] = true;
  const Node& node = kernel_.nodes[id];
  if (node.kind == NodeKind::constant) return;
  if ((node.varies & ~available) == 0 && node.kind != NodeKind::row_reduce && node.kind != NodeKind::final_reduce) {
    get(id);
    return;
  }
  for (const NodeId operand : node.operands) hoist(operand, available, seen);
}

void Values::hoist(const std::vector<NodeId>& roots, DimSet available) {
  std::vector<bool> seen(kernel_.nodes.size(), false);
  for (const NodeId root : roots) hoist(root, available, seen);
}

void Values::store(const kernel::Store& store, const std::string& value) {
  const kernel::Buffer& buffer = kernel_.buffers[store.buffer];
  source_.line(
      fmt::format("{}[{}] = {};", buffers_.name(store.buffer), address(store.map), to_memory(value, buffer.dtype)));
}

void write_indices(Source& source, Values& values, const Kernel& kernel, const std::vector<int>& dims,
                   const std::string& item, std::int64_t step) {
  if (dims.empty()) return;
  std::string text;
  std::int64_t below = 1;  // items per index of the dim
  for (std::size_t i = dims.size(); i-- > 0;) {
    const bool is_last = i + 1 == dims.size();
    const std::int64_t size = kernel.dims[std::size_t(dims[i])].size / (is_last ? step : 1);
    std::string value = below == 1 ? item : fmt::format("{} / {}", item, below);
    if (i > 0) value = fmt::format("{} % {}", value, size);
    if (is_last && step > 1) value = fmt::format("{} * {}", value, step);
    const std::string name = fmt::format("i{}", dims[i]);
    text = fmt::format("{} = {}", name, value) + (text.empty() ? "" : ", ") + text;
    values.set_index(dims[i], name);
    below *= size;
  }
  source.line(fmt::format("const {} {};", index_type(kernel), text));
}

}  // namespace weft::cuda
