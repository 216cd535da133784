// Writes kernels as text, in the order in which they are computed.
#include "ir/kernel/text/print.h"

#include <algorithm>
#include <map>
#include <utility>

#include "ir/error.h"
#include "ir/kernel/queries.h"
#include "ir/text/lexer.h"

namespace weft::kernel {

namespace {

constexpr std::size_t kLineLength = 120;

class Printer {
 public:
  explicit Printer(const Kernel& kernel) : kernel_(kernel) { name_buffers(); }

  std::string print() {
    text_ = fmt::format("kernel {}: {} points\n", ir::spell_name(kernel_.name), kernel_.points());
    for (std::size_t d = 0; d < kernel_.dims.size(); ++d)
      text_ += fmt::format("  {} i{} < {}{}\n", kernel_.dims[d].row ? "row " : "loop", d, kernel_.dims[d].size,
                           int(d) == kernel_.lane ? ", across lanes" : "");
    for (std::size_t i = 0; i < kernel_.buffers.size(); ++i) buffer(i);
    for (int stage = 0; stage <= kernel_.row_stages; ++stage) this->stage(stage);
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
  // Buffers that are read, and those that are written, each have names of their own.
  void name_buffers() {
    std::map<std::pair<bool, std::string>, int> uses;
    for (std::size_t i = 0; i < kernel_.buffers.size(); ++i) {
      const Buffer& each = kernel_.buffers[i];
      std::string name = each.name.empty()             ? fmt::format("arg{}", i)
                         : is_argument_name(each.name) ? ir::spell_text(each.name)
                                                       : ir::spell_name(each.name);
      const int use = ++uses[{each.output, name}];
      names_.push_back(use == 1 ? name : fmt::format("{}#{}", name, use));
    }
  }

  // Without its heading if there is nothing below it.
  template <typename Body>
  void section(const std::string& heading, Body body) {
    const std::size_t before = text_.size();
    text_ += fmt::format("  {}:\n", heading);
    const std::size_t filled = text_.size();
    body();
    if (text_.size() == filled) text_.resize(before);
  }

  void stage(int stage) {
    const auto body = [&] {
      nodes([&](const Node& node) { return node.level != Level::final && node.stage == stage; });
      if (stage == kernel_.row_stages) stores(Level::point);
    };
    if (kernel_.row_stages == 0) return section("at each point", body);
    text_ += fmt::format("  row stage {}:\n", stage);
    body();
  }

  template <typename Wanted>
  void nodes(Wanted wanted) {
    for (NodeId id = 0; id < kernel_.nodes.size(); ++id)
      if (wanted(kernel_.nodes[id])) node(id);
  }

  void stores(Level level) {
    for (const Store& store : kernel_.stores)
      if (store.level == level)
        text_ += fmt::format("    {}[{}] = %{}\n", names_[store.buffer], map(store.map), store.value);
  }

  // stride * what, without a stride of 1
  static std::string times(std::int64_t stride, const std::string& what) {
    return stride == 1 ? what : fmt::format("{}*{}", stride, what);
  }

  static std::string map(const Map& map) {
    std::string text;
    for (const int d : list(nonzero(map)))
      text += (text.empty() ? "" : " + ") + times(map.strides[std::size_t(d)], fmt::format("i{}", d));
    if (map.offset != 0 || text.empty()) text += fmt::format("{}{}", text.empty() ? "" : " + ", map.offset);
    return text;
  }

  // A clamped index is shown with its upper bound.
  static std::string address(const Node& node) {
    std::string text;
    for (std::size_t i = 0; i < node.indirect.size(); ++i)
      text += " + " +
              times(node.indirect[i].stride, fmt::format("min(%{}, {})", node.operands[i], node.indirect[i].size - 1));
    const std::string affine = map(node.map);
    return affine == "0" && !text.empty() ? text.substr(3) : affine + text;
  }

  void buffer(std::size_t index) {
    const Buffer& each = kernel_.buffers[index];
    const bool is_literal = !each.literal.empty();
    text_ += fmt::format("  {} {}: {}{}",
                         is_literal    ? "literal"
                         : each.output ? "output"
                                       : "input",
                         names_[index], ir::name(each.dtype), is_literal ? " = [" : "");
    std::size_t line = text_.rfind('\n') + 1;
    for (std::size_t i = 0; i < each.literal.size(); ++i) {
      const std::string number = ir::spell_number(each.literal[i]);
      text_ += i == 0 ? "" : ",";
      if (text_.size() - line + number.size() >= kLineLength) {
        text_ += "\n    ";
        line = text_.size() - 4;
      }
      text_ += number;
    }
    text_ += is_literal ? "]\n" : "\n";
  }

  std::string right_side(const Node& node) const {
    switch (node.kind) {
      case NodeKind::load:
        return fmt::format("{}[{}]", names_[node.buffer], address(node));
      case NodeKind::constant:
        return ir::spell_number(node.value);
      case NodeKind::index:
        return fmt::format("index {}", map(node.map));
      case NodeKind::random:
        return fmt::format("{} {} stream {} element {}", ir::name(node.code), names_[node.buffer], node.stream,
                           map(node.map));
      case NodeKind::op:
        return fmt::format("{} {}{}", ir::name(node.code), operands(node), node.of_unit ? " of unit" : "");
      case NodeKind::row_reduce:
        return fmt::format("{} {} over the row{}", ir::name(node.code), operands(node), once(node));
      case NodeKind::final_reduce:
        return fmt::format("{} {} over all points into {} at [{}]{}", ir::name(node.code), operands(node), node.extent,
                           map(node.map), once(node));
    }
    return "";
  }

  static std::string once(const Node& node) {
    std::string text;
    for (const int d : list(node.once)) text += fmt::format("{}i{}", text.empty() ? ", once along " : ", ", d);
    return text;
  }

  static std::string operands(const Node& node) {
    std::string text;
    for (const NodeId operand : node.operands) text += fmt::format("{}%{}", text.empty() ? "" : ", ", operand);
    return text;
  }

  void node(NodeId id) {
    const Node& node = kernel_.nodes[id];
    text_ += fmt::format("    %{} = {} : {}{}\n", id, right_side(node), ir::name(node.dtype),
                         node.name.empty() ? "" : "  # " + ir::spell_name(node.name));
  }

  const Kernel& kernel_;
  std::vector<std::string> names_;  // of buffers
  std::string text_;
};

}  // namespace

bool is_argument_name(std::string_view name) {
  return name.size() > 3 && name.substr(0, 3) == "arg" &&
         std::all_of(name.begin() + 3, name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string print(const Kernel& kernel) { return Printer(kernel).print(); }

std::string print(const std::vector<Kernel>& kernels) {
  std::string text = "weft 1\n";
  for (const Kernel& kernel : kernels) text += "\n" + print(kernel);
  return text;
}

}  // namespace weft::kernel
