// Makes a failing graph smaller while it fails in the same way: fewer outputs, ops replaced by inputs, operands or
// nothing, symbols by numbers, attributes by their defaults, numbers by 0 and 1.
#include <algorithm>

#include "ir/error.h"
#include "tests/fuzz/graphs/check.h"

namespace weft::fuzz {

using ir::Graph;
using ir::kNone;
using ir::ValueId;

namespace {

// What to do to one op of a graph while it is copied.
struct Edit {
  ir::OpId op = kNone;
  enum class Kind { keep, input, operand, plain_attribute } kind = Kind::keep;
  std::size_t index = 0;  // of the operand or attribute
  std::size_t drop_output = std::size_t(-1);
};

ir::GraphPtr bound_of(const Subject& subject) {
  if (subject.bindings.empty()) return subject.graph;
  return std::make_shared<const Graph>(ir::bind(*subject.graph, subject.bindings));
}

class Copy {
 public:
  Copy(const Subject& source, Edit edit) : source_(source), edit_(edit), now_(source.graph->values.size(), kNone) {}

  // Throws Error where the edited op breaks a type rule.
  Subject make() {
    const Graph& graph = *source_.graph;
    mark_needed();
    Subject result;
    result.bindings = source_.bindings;
    for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
      const ir::Input& input = graph.inputs[i];
      if (!needed_[input.value]) continue;
      now_[input.value] = maker_.input(graph.values[input.value].name, graph.type(input.value), input.role, input.init);
      result.inputs.push_back(source_.inputs[i]);
    }
    if (replaced()) {  // a new input comes before all ops
      const ir::ValueId value = graph.ops[edit_.op].results[0];
      now_[value] = maker_.input(fmt::format("was_{}", value), graph.type(value), ir::Role::data);
      result.inputs.push_back(all_values(*bound_of(source_), source_.inputs)[value]);
    }
    for (ir::OpId id = 0; id < graph.ops.size(); ++id) copy(id);
    for (std::size_t i = 0; i < graph.outputs.size(); ++i)
      if (i != edit_.drop_output)
        maker_.graph.outputs.push_back({graph.outputs[i].name, now_[graph.outputs[i].value], kNone});
    maker_.graph.name = graph.name;
    result.graph = std::make_shared<const Graph>(std::move(maker_.graph));
    for (const std::string& symbol : source_.graph->symbols()) {
      const auto left = result.graph->symbols();
      if (std::ranges::count(left, symbol) == 0) result.bindings.erase(symbol);
    }
    return result;
  }

 private:
  bool replaced() const { return edit_.kind == Edit::Kind::input; }

  void mark_needed() {
    const Graph& graph = *source_.graph;
    needed_.assign(graph.values.size(), false);
    for (std::size_t i = 0; i < graph.outputs.size(); ++i)
      if (i != edit_.drop_output) needed_[graph.outputs[i].value] = true;
    for (ir::OpId id = ir::OpId(graph.ops.size()); id-- > 0;) {
      const ir::Op& op = graph.ops[id];
      if (!needed_[op.results[0]] || (id == edit_.op && replaced())) continue;
      const bool one = id == edit_.op && edit_.kind == Edit::Kind::operand;
      for (std::size_t i = 0; i < op.operands.size(); ++i)
        if (!one || i == edit_.index) needed_[op.operands[i]] = true;
    }
  }

  void copy(ir::OpId id) {
    const Graph& graph = *source_.graph;
    const ir::Op& op = graph.ops[id];
    const ValueId result = op.results[0];
    if (!needed_[result] || now_[result] != kNone) return;
    if (id == edit_.op && edit_.kind == Edit::Kind::operand) {
      if (graph.type(op.operands[edit_.index]) != graph.type(result)) fail("another type");
      now_[result] = now_[op.operands[edit_.index]];
      return;
    }
    ir::Attrs attrs;
    std::size_t index = 0;
    for (const auto& [key, value] : op.attrs.values())
      if (id != edit_.op || edit_.kind != Edit::Kind::plain_attribute || index++ != edit_.index) attrs.set(key, value);
    std::vector<ValueId> operands;
    for (const ValueId operand : op.operands) operands.push_back(now_[operand]);
    now_[result] = maker_.add(op.code, operands, attrs, graph.type(result));
  }

  const Subject& source_;
  Edit edit_;
  std::vector<bool> needed_;
  std::vector<ValueId> now_;
  Maker maker_;
};

class Shrinker {
 public:
  Shrinker(Subject subject, const Failure& failure, const Repeat& repeat)
      : subject_(std::move(subject)), kind_(failure.kind), repeat_(repeat) {}

  Subject run() {
    accept([&] { return Copy(subject_, {}).make(); });  // no names, places, roles that do not matter, dead ops
    accept([&] { return Subject{bound_of(subject_), {}, subject_.inputs}; });
    while (tries_ < kMostTries && (drop_outputs() || edit_ops())) continue;
    plain_numbers();
    return subject_;
  }

 private:
  static constexpr int kMostTries = 1500;

  template <typename Candidate>
  bool accept(Candidate candidate) {
    if (++tries_ > kMostTries) return false;
    try {
      Subject smaller = candidate();
      const Outcome outcome = repeat_(smaller);
      if (!outcome || outcome->kind != kind_) return false;
      subject_ = std::move(smaller);
      return true;
    } catch (const std::exception&) {
      return false;  // no such graph
    }
  }

  bool try_edit(Edit edit) {
    return accept([&] { return Copy(subject_, edit).make(); });
  }

  bool drop_outputs() {
    for (std::size_t i = 0; subject_.graph->outputs.size() > 1 && i < subject_.graph->outputs.size(); ++i) {
      Edit edit;
      edit.drop_output = i;
      if (try_edit(edit)) return true;
    }
    return false;
  }

  bool edit_ops() {
    for (ir::OpId id = ir::OpId(subject_.graph->ops.size()); id-- > 0;) {
      const ir::Op op = subject_.graph->ops[id];
      for (std::size_t i = 0; i < op.operands.size(); ++i)
        if (try_edit({id, Edit::Kind::operand, i})) return true;
      if (op.code != ir::OpCode::constant && try_edit({id, Edit::Kind::input})) return true;
      for (std::size_t i = 0; i < op.attrs.values().size(); ++i)
        if (try_edit({id, Edit::Kind::plain_attribute, i})) return true;
    }
    return false;
  }

  void plain_numbers() {
    for (std::size_t i = 0; i < subject_.inputs.size(); ++i)
      for (const double number : {0.0, 1.0})
        if (accept([&] {
              Subject plain = subject_;
              std::ranges::fill(plain.inputs[i].data, number);
              return plain;
            }))
          break;
  }

  Subject subject_;
  std::string kind_;
  const Repeat& repeat_;
  int tries_ = 0;
};

}  // namespace

Subject shrink(Subject subject, const Failure& failure, const Repeat& repeat) {
  return Shrinker(std::move(subject), failure, repeat).run();
}

}  // namespace weft::fuzz
