// Kernels as text, and simple queries.
#include "ir/kernel/kernel.h"

#include <algorithm>

#include "ir/error.h"

namespace weft::kernel {

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

namespace {

class Printer {
 public:
  explicit Printer(const Kernel& kernel) : kernel_(kernel) {}

  std::string print() {
    text_ = fmt::format("kernel {}: {} points\n", kernel_.name, kernel_.points());
    for (std::size_t d = 0; d < kernel_.dims.size(); ++d)
      text_ += fmt::format("  {} i{} < {}{}\n", kernel_.dims[d].row ? "row " : "loop", d, kernel_.dims[d].size,
                           int(d) == kernel_.lane ? ", across lanes" : "");
    for (std::size_t i = 0; i < kernel_.buffers.size(); ++i) print_buffer(i);
    for (int stage = 0; stage <= kernel_.row_stages; ++stage) print_stage(stage);
    const int after = kernel_.row_stages + 1;
    section("at the end of each row", [&] {
      nodes([&](const Node& node) { return node.level == Level::row && node.stage == after; });
      stores(Level::row);
    });
    section("after all points", [&] {
      nodes([](const Node& node) { return node.level == Level::final; });
      stores(Level::final);
    });
    return text_;
  }

 private:
  template <typename Body>
  void section(const std::string& heading, Body body) {
    const std::size_t before = text_.size();
    text_ += fmt::format("  {}:\n", heading);
    const std::size_t filled = text_.size();
    body();
    if (text_.size() == filled) text_.resize(before);
  }

  void print_stage(int stage) {
    section(kernel_.row_stages == 0 ? "at each point" : fmt::format("row stage {}", stage), [&] {
      nodes([&](const Node& node) { return node.level != Level::final && node.stage == stage; });
      if (stage == kernel_.row_stages) stores(Level::point);
    });
  }

  template <typename Wanted>
  void nodes(Wanted wanted) {
    for (NodeId id = 0; id < kernel_.nodes.size(); ++id)
      if (wanted(kernel_.nodes[id])) print_node(id);
  }

  void stores(Level level) {
    for (const Store& store : kernel_.stores)
      if (store.level == level)
        text_ += fmt::format("    {}[{}] = %{}\n", buffer(store.buffer), map(store.map), store.value);
  }

  std::string buffer(std::uint32_t index) const {
    const std::string& name = kernel_.buffers[index].name;
    return name.empty() ? fmt::format("arg{}", index) : name;
  }

  static std::string map(const Map& map) {
    std::string text;
    for (std::size_t d = 0; d < map.strides.size(); ++d)
      if (map.strides[d] != 0)
        text += fmt::format("{}{}", text.empty() ? "" : " + ",
                            map.strides[d] == 1 ? fmt::format("i{}", d) : fmt::format("{}*i{}", map.strides[d], d));
    if (map.offset != 0 || text.empty()) text += fmt::format("{}{}", text.empty() ? "" : " + ", map.offset);
    return text;
  }

  // A clamped index is shown with its upper bound.
  static std::string address(const Node& node) {
    std::string text;
    for (std::size_t i = 0; i < node.indirect.size(); ++i) {
      const Indirect& each = node.indirect[i];
      text += fmt::format(" + {}min(%{}, {})", each.stride == 1 ? "" : fmt::format("{}*", each.stride),
                          node.operands[i], each.size - 1);
    }
    const std::string affine = map(node.map);
    return affine == "0" && !text.empty() ? text.substr(3) : affine + text;
  }

  void print_buffer(std::size_t index) {
    const Buffer& each = kernel_.buffers[index];
    text_ += fmt::format("  {} {}: {}\n",
                         !each.literal.empty() ? "literal"
                         : each.output         ? "output"
                                               : "input",
                         buffer(std::uint32_t(index)), ir::name(each.dtype));
  }

  std::string right_side(const Node& node) const {
    switch (node.kind) {
      case NodeKind::load:
        return fmt::format("{}[{}]", buffer(node.buffer), address(node));
      case NodeKind::constant:
        return fmt::format("{}", node.value);
      case NodeKind::index:
        return fmt::format("index {}", map(node.map));
      case NodeKind::random:
        return fmt::format("{} {} stream {} element {}", ir::name(node.code), buffer(node.buffer), node.stream,
                           map(node.map));
      case NodeKind::op:
        return fmt::format("{} {}", ir::name(node.code), operands(node));
      case NodeKind::row_reduce:
        return fmt::format("{} {} over the row", ir::name(node.code), operands(node));
      case NodeKind::final_reduce:
        return fmt::format("{} {} over all points into {} at [{}]", ir::name(node.code), operands(node), node.extent,
                           map(node.map));
    }
    return "";
  }

  static std::string operands(const Node& node) {
    std::string text;
    for (const NodeId operand : node.operands) text += fmt::format("{}%{}", text.empty() ? "" : ", ", operand);
    return text;
  }

  void print_node(NodeId id) {
    const Node& node = kernel_.nodes[id];
    text_ += fmt::format("    %{} = {} : {}{}\n", id, right_side(node), ir::name(node.dtype),
                         node.name.empty() ? "" : "  # " + node.name);
  }

  const Kernel& kernel_;
  std::string text_;
};

}  // namespace

std::string print(const Kernel& kernel) { return Printer(kernel).print(); }

}  // namespace weft::kernel
