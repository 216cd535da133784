// Checks a graph from the ids up: structure first, so that later rules can follow ids safely.
#include "ir/verify.h"

#include <algorithm>
#include <set>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/infer/rules.h"
#include "ir/memory_layout.h"

namespace weft::ir {

namespace {

class Verifier {
 public:
  explicit Verifier(const Graph& graph) : graph_(graph), defined_(graph.values.size(), false) {}

  void run(bool is_body) {
    for (std::uint32_t i = 0; i < graph_.inputs.size(); ++i) input(graph_.inputs[i], is_body);
    for (OpId id = 0; id < graph_.ops.size(); ++id) op(id);
    for (ValueId value = 0; value < graph_.values.size(); ++value)
      if (!defined_[value]) fail_graph("value {} ({}) has no op and is not an input", value, graph_.values[value].name);
    for (const Output& each : graph_.outputs) output(each);
  }

 private:
  template <typename... Args>
  [[noreturn]] void fail_graph(fmt::format_string<Args...> format, Args&&... args) const {
    fail("graph @{}: {}", graph_.name, fmt::format(format, std::forward<Args>(args)...));
  }

  void define(ValueId value, OpId by, std::uint32_t index) {
    if (value >= graph_.values.size())
      fail_graph("value {} is beyond the {} values of the graph", value, graph_.values.size());
    if (defined_[value]) fail_graph("value {} ({}) is defined twice", value, graph_.values[value].name);
    if (graph_.values[value].op != by || graph_.values[value].index != index)
      fail_graph("value {} ({}) does not point back to what defines it", value, graph_.values[value].name);
    for (const Dim& dim : graph_.type(value).dims)
      if (dim.factor <= 0)
        fail_graph("%{} is {}: every dim must hold at least 1 element", graph_.values[value].name,
                   to_string(graph_.type(value)));
    size(graph_.values[value].name, graph_.type(value));
    defined_[value] = true;
  }

  void size(const std::string& name, const Type& type) const {
    try {
      check_size(type);
    } catch (const Error& error) {
      fail_graph("%{}: {}", name, error.what());
    }
  }

  // Inputs

  void input(const Input& input, bool is_body) {
    define(input.value, kNone, 0);
    const Value& value = graph_.values[input.value];
    if (value.name.empty()) fail_graph("an input {} has no name", to_string(value.type));
    if (!input_names_.insert(value.name).second) fail_graph("two inputs are named %{}", value.name);
    if (is_body && (input.role != Role::data || input.init != Init() || !input.slots.empty()))
      fail_graph("input %{} of a fused body is {}: only data without init and slots may enter a body", value.name,
                 name(input.role));
    role(input, value);
    slots(input, value);
  }

  void role(const Input& input, const Value& value) const {
    const bool has_init = input.init.kind != Init::Kind::none;
    switch (input.role) {
      case Role::data:
        if (has_init) fail_graph("input %{} is data, but has an init: the caller gives its value", value.name);
        return;
      case Role::param:
      case Role::state:
        if (!is_float(value.type.dtype) && input.role == Role::param)
          fail_graph("input %{} is a param, so it holds floats, but it is {}", value.name, to_string(value.type));
        return;
      case Role::rng:
        if (value.type != i32({4}) || has_init)
          fail_graph("input %{} is rng, so it is i32[4] without init, but it is {}", value.name, to_string(value.type));
        return;
      case Role::hyper:
        if (!value.type.is_scalar())
          fail_graph("input %{} is hyper, so it is a scalar, but it is {}", value.name, to_string(value.type));
        if (has_init && input.init.kind != Init::Kind::constant)
          fail_graph("input %{} is hyper, so its init is constant(its default)", value.name);
        return;
    }
  }

  void slots(const Input& input, const Value& value) const {
    layout(value.name, input.layout, value.type);
    for (const Slot& slot : input.slots) layout(slot.name, slot.layout, slot.type);
    if (input.slots.empty()) return;
    if (value.type.rank() != 1 || !value.type.is_static())
      fail_graph("input %{} has slots, so it is flat and of fixed size, but it is {}", value.name,
                 to_string(value.type));
    std::vector<const Slot*> sorted;
    for (const Slot& slot : input.slots) {
      size(slot.name, slot.type);
      sorted.push_back(&slot);
      const bool good = slot.type.is_static() && slot.type.dtype == value.type.dtype && slot.offset >= 0 &&
                        slot.type.elements() <= value.type.elements() &&
                        slot.offset <= value.type.elements() - slot.type.elements();
      if (!good)
        fail_graph("slot {} of %{} does not fit: {} at {} in {}", slot.name, value.name, to_string(slot.type),
                   slot.offset, to_string(value.type));
    }
    std::sort(sorted.begin(), sorted.end(), [](const Slot* a, const Slot* b) { return a->offset < b->offset; });
    for (std::size_t i = 1; i < sorted.size(); ++i) {
      const Slot& before = *sorted[i - 1];
      if (before.offset + before.type.elements() > sorted[i]->offset)
        fail_graph("slots {} and {} of %{} overlap: {} at {} and {} at {}", before.name, sorted[i]->name, value.name,
                   to_string(before.type), before.offset, to_string(sorted[i]->type), sorted[i]->offset);
    }
  }

  void layout(const std::string& name, const std::string& text, const Type& type) const {
    if (const std::string misfit = memory_layout_misfit(text, type); !misfit.empty())
      fail_graph("input %{}: {}", name, misfit);
  }

  // Ops

  void op(OpId id) {
    const Op& op = graph_.ops[id];
    if (std::size_t(op.code) >= op_table().size()) fail_graph("op {} has no row in the op table", id);
    for (const ValueId operand : op.operands)
      if (operand >= graph_.values.size() || !defined_[operand])
        fail_graph("op {} [{}] uses value {} before it is defined", id, name(op.code), operand);
    for (std::uint32_t i = 0; i < op.results.size(); ++i) define(op.results[i], id, i);
    if (op.code == OpCode::fused)
      fused(op);
    else
      plain(op);
  }

  void plain(const Op& op) const {
    if (op.results.size() != 1) fail_op(op, fmt::format("makes 1 result, got {}", op.results.size()));
    if (op.body) fail_op(op, "has a body, which only fused may have");
    std::vector<Type> types;
    for (const ValueId operand : op.operands) types.push_back(graph_.type(operand));
    try {
      infer(op.code, types, op.attrs, graph_.type(op.results[0]));
    } catch (const Error& error) {
      fail_op(op, error.what());
    }
  }

  void fused(const Op& op) const {
    if (!op.body) fail_op(op, "has no body");
    if (!op.attrs.values().empty()) fail_op(op, "takes no attributes");
    if (op.results.empty()) fail_op(op, "has no results");
    const Graph& body = *op.body;
    if (body.inputs.size() != op.operands.size())
      fail_op(op, fmt::format("has {} operands, but its body {} inputs", op.operands.size(), body.inputs.size()));
    if (body.outputs.size() != op.results.size())
      fail_op(op, fmt::format("has {} results, but its body {} outputs", op.results.size(), body.outputs.size()));
    try {
      Verifier(body).run(true);
    } catch (const Error& error) {
      fail_op(op, error.what());
    }
    for (std::size_t i = 0; i < op.operands.size(); ++i)
      agree(op, "operand", i, graph_.type(op.operands[i]), body.type(body.inputs[i].value));
    for (std::size_t i = 0; i < op.results.size(); ++i)
      agree(op, "result", i, graph_.type(op.results[i]), body.type(body.outputs[i].value));
  }

  void agree(const Op& op, std::string_view what, std::size_t index, const Type& outside, const Type& inside) const {
    if (outside != inside)
      fail_op(op, fmt::format("{} {} is {}, but {} in the body", what, index, to_string(outside), to_string(inside)));
  }

  [[noreturn]] void fail_op(const Op& op, const std::string& what) const {
    ir::fail_op(graph_, op.location, op.code, op.operands, what);
  }

  // Outputs

  void output(const Output& output) {
    if (output.name.empty()) fail_graph("an output has no name");
    if (!output_names_.insert(output.name).second) fail_graph("two outputs are named {}", output.name);
    if (output.value >= graph_.values.size())
      fail_graph("output {} is value {}, beyond the {} values of the graph", output.name, output.value,
                 graph_.values.size());
    if (output.donates == kNone) return;
    if (output.donates >= graph_.inputs.size())
      fail_graph("output {} donates input {}, beyond the {} inputs", output.name, output.donates, graph_.inputs.size());
    const Value& input = graph_.values[graph_.inputs[output.donates].value];
    if (!donated_.insert(output.donates).second)
      fail_graph("output {} donates %{}, which another output donates", output.name, input.name);
    if (input.type != graph_.type(output.value))
      fail_graph("output {} is {}, but the input %{} it donates is {}", output.name,
                 to_string(graph_.type(output.value)), input.name, to_string(input.type));
  }

  const Graph& graph_;
  std::vector<bool> defined_;  // by value
  std::set<std::string> input_names_, output_names_;
  std::set<std::uint32_t> donated_;
};

}  // namespace

void verify(const Graph& graph) { Verifier(graph).run(false); }

}  // namespace weft::ir
