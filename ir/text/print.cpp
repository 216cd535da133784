// Writes a graph as text.
#include "ir/text/print.h"

#include <map>

#include "ir/error.h"
#include "ir/text/lexer.h"

namespace weft::ir {

namespace {

constexpr std::size_t kLineLength = 120;  // longer headers and returns take one line per item

// The printed names of a graph's values: unique, in order of definition.
class Names {
 public:
  explicit Names(const Graph& graph) : tokens_(graph.values.size()) {
    for (const Input& input : graph.inputs) add(graph, input.value);
    for (const Op& op : graph.ops)
      for (const ValueId result : op.results) add(graph, result);
  }
  const std::string& operator[](ValueId value) const { return tokens_[value]; }

 private:
  void add(const Graph& graph, ValueId value) {
    const std::string& name = graph.values[value].name;
    const std::uint32_t before = uses_[name]++;
    tokens_[value] = spell_value(name, name.empty() ? before : before + 1);
  }

  std::map<std::string, std::uint32_t> uses_;
  std::vector<std::string> tokens_;
};

template <typename List, typename Spell>
std::string join(const List& list, Spell spell, std::string_view separator = ", ") {
  std::string text;
  for (const auto& item : list) {
    if (!text.empty()) text += separator;
    text += spell(item);
  }
  return text;
}

std::string spell(const AttrValue& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *integer);
  if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&value))
    return fmt::format("[{}]", fmt::join(*integers, ","));
  if (const auto* numbers = std::get_if<std::vector<double>>(&value))
    return numbers->size() == 1 ? spell_number(numbers->front()) : "[" + join(*numbers, spell_number, ",") + "]";
  if (const auto* dims = std::get_if<Dims>(&value)) return to_string(*dims);
  return spell_name(std::get<std::string>(value));
}

std::string spell(const Attrs& attrs) {
  if (attrs.values().empty()) return "";
  return " {" +
         join(attrs.values(),
              [](const auto& each) { return fmt::format("{}={}", info(each.first).name, spell(each.second)); }) +
         "}";
}

std::string spell(const Init& init) {
  switch (init.kind) {
    case Init::Kind::none:
      return "";
    case Init::Kind::constant:
      return fmt::format("constant({})", spell_number(init.a));
    case Init::Kind::uniform:
      return fmt::format("uniform({},{})", spell_number(init.a), spell_number(init.b));
    case Init::Kind::normal:
      return fmt::format("normal({},{})", spell_number(init.a), spell_number(init.b));
  }
  return "";
}

std::string spell(const Slot& slot) {
  const std::string init = spell(slot.init);
  return fmt::format("{}: {} at {}{}{}{}{}", spell_name(slot.name), to_string(slot.type), slot.offset,
                     init.empty() ? "" : " init=", init, slot.layout.empty() ? "" : " layout=", slot.layout);
}

std::string spell(const Location& location) {
  if (location == Location()) return "";
  std::string text = " @";
  if (!location.scope.empty()) text += " " + spell_name(location.scope);
  if (!location.file.empty() || location.line != 0)
    text += fmt::format(" {}:{}", spell_text(location.file), location.line);
  return text;
}

std::string spell_input(const Graph& graph, const Names& names, const Input& input) {
  std::vector<std::string> facts;
  if (input.role != Role::data) facts.push_back(fmt::format("role={}", name(input.role)));
  if (input.init.kind != Init::Kind::none) facts.push_back("init=" + spell(input.init));
  if (!input.layout.empty()) facts.push_back("layout=" + input.layout);
  if (!input.slots.empty())
    facts.push_back("slots=[\n    " +
                    join(
                        input.slots, [](const Slot& slot) { return spell(slot); }, ",\n    ") +
                    "\n  ]");
  std::string text = fmt::format("{}: {}", names[input.value], to_string(graph.type(input.value)));
  if (!facts.empty()) text += fmt::format(" {{{}}}", fmt::join(facts, ", "));
  return text;
}

// Items between brackets on one line, or one per line if they are long.
std::string bracket(const std::vector<std::string>& items, std::size_t used) {
  const std::string line = fmt::format("({})", fmt::join(items, ", "));
  if (used + line.size() <= kLineLength && line.find('\n') == std::string::npos) return line;
  return fmt::format("(\n  {}\n)", fmt::join(items, ",\n  "));
}

class Printer {
 public:
  std::string run(const Graph& graph) {
    const Names names(graph);
    text_ = fmt::format("graph @{}", spell_name(graph.name));
    std::vector<std::string> inputs, outputs;
    for (const Input& input : graph.inputs) inputs.push_back(spell_input(graph, names, input));
    for (const Output& output : graph.outputs)
      outputs.push_back(fmt::format("{}: {}", spell_name(output.name), to_string(graph.type(output.value))));
    text_ += bracket(inputs, text_.size()) + " -> ";
    text_ += bracket(outputs, text_.size() - text_.rfind('\n') - 1) + " {\n";
    ops(graph, names, 1);
    results(graph, names, "return", 1);
    return text_ + "}\n";
  }

 private:
  static std::string indent(int depth) { return std::string(std::size_t(depth) * 2, ' '); }

  void ops(const Graph& graph, const Names& names, int depth) {
    for (const Op& op : graph.ops) {
      text_ += indent(depth);
      if (!op.results.empty()) text_ += join(op.results, [&](ValueId result) { return names[result]; }) + " = ";
      text_ += name(op.code);
      if (op.body)
        body(graph, names, op, depth);
      else
        text_ += (op.operands.empty() ? "" : " ") + join(op.operands, [&](ValueId operand) { return names[operand]; });
      text_ += spell(op.attrs) + " : " +
               join(op.results, [&](ValueId result) { return to_string(graph.type(result)); }) + spell(op.location) +
               "\n";
    }
  }

  // The operands and the body of a fused op: `(%x, %y = %h) {` ops `yield %z` `}`. A body input that prints like its
  // operand is written once.
  void body(const Graph& graph, const Names& names, const Op& op, int depth) {
    const Names inner(*op.body);
    std::vector<std::string> operands;
    for (std::size_t i = 0; i < op.operands.size(); ++i) {
      const std::string& inside = inner[op.body->inputs[i].value];
      const std::string& outside = names[op.operands[i]];
      operands.push_back(inside == outside ? inside : inside + " = " + outside);
    }
    if (!op.body->name.empty()) text_ += " @" + spell_name(op.body->name);
    text_ += fmt::format("({}) {{\n", fmt::join(operands, ", "));
    ops(*op.body, inner, depth + 1);
    std::vector<std::string> result_names;
    for (const ValueId result : op.results) result_names.push_back(graph.values[result].name);
    results(*op.body, inner, "yield", depth + 1, &result_names);
    text_ += indent(depth) + "}";
  }

  // `return` or `yield`. Omits the name of an output that equals its value's name and, in a body, that of the fused
  // op's result.
  void results(const Graph& graph, const Names& names, std::string_view keyword, int depth,
               const std::vector<std::string>* implied = nullptr) {
    std::vector<std::string> items;
    for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
      const Output& output = graph.outputs[i];
      const std::string& value = names[output.value];
      const bool known =
          implied ? i < implied->size() && (*implied)[i] == output.name : value == spell_value(output.name, 1);
      std::string item = known ? value : spell_name(output.name) + " = " + value;
      if (output.donates != kNone) item += " donates " + names[graph.inputs[output.donates].value];
      items.push_back(std::move(item));
    }
    const std::string line = indent(depth) + fmt::format("{} {}", keyword, fmt::join(items, ", "));
    const std::string break_line = ",\n" + indent(depth + 1);
    text_ += line.size() <= kLineLength
                 ? line + "\n"
                 : fmt::format("{}{}\n{}{}\n", indent(depth), keyword, indent(depth + 1), fmt::join(items, break_line));
  }

  std::string text_;
};

}  // namespace

std::string print(const Graph& graph) { return Printer().run(graph); }

std::string print(const Module& module) {
  std::string text = "weft 1\n";
  if (!module.name.empty()) text += fmt::format("module @{}\n", spell_name(module.name));
  for (const Graph& graph : module.graphs) text += "\n" + print(graph);
  return text;
}

}  // namespace weft::ir
