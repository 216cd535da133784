// Look-ups, binding of symbols and equality of graphs.
#include "ir/graph.h"

#include <algorithm>
#include <set>

#include "ir/bits.h"
#include "ir/error.h"

namespace weft::ir {

std::string to_string(const Location& location) {
  if (location.file.empty()) return location.scope;
  const std::string place = fmt::format("{}:{}", location.file, location.line);
  return location.scope.empty() ? place : fmt::format("{} ({})", place, location.scope);
}

std::string_view name(Role role) {
  switch (role) {
    case Role::data:
      return "data";
    case Role::param:
      return "param";
    case Role::state:
      return "state";
    case Role::rng:
      return "rng";
    case Role::hyper:
      return "hyper";
  }
  return "";
}

std::uint32_t Graph::find_input(std::string_view input_name) const {
  for (std::uint32_t i = 0; i < inputs.size(); ++i)
    if (values[inputs[i].value].name == input_name) return i;
  return kNone;
}

std::uint32_t Graph::find_output(std::string_view output_name) const {
  for (std::uint32_t i = 0; i < outputs.size(); ++i)
    if (outputs[i].name == output_name) return i;
  return kNone;
}

namespace {

void collect_symbols(const Dims& dims, std::set<std::string>& symbols) {
  for (const Dim& dim : dims)
    if (!dim.is_number()) symbols.insert(dim.symbol);
}

void collect_symbols(const Graph& graph, std::set<std::string>& symbols) {
  for (const Value& value : graph.values) collect_symbols(value.type.dims, symbols);
  for (const Op& op : graph.ops) {
    for (const auto& [key, value] : op.attrs.values())
      if (const auto* dims = std::get_if<Dims>(&value)) collect_symbols(*dims, symbols);
    if (op.body) collect_symbols(*op.body, symbols);
  }
}

}  // namespace

std::vector<std::string> Graph::symbols() const {
  std::set<std::string> symbols;
  collect_symbols(*this, symbols);
  return {symbols.begin(), symbols.end()};
}

std::vector<std::vector<OpId>> users_of(const Graph& graph) {
  std::vector<std::vector<OpId>> users(graph.values.size());
  for (OpId id = 0; id < graph.ops.size(); ++id)
    for (const ValueId operand : graph.ops[id].operands) users[operand].push_back(id);
  return users;
}

std::vector<int> use_counts(const Graph& graph) {
  std::vector<int> counts(graph.values.size(), 0);
  for (const Op& op : graph.ops)
    for (const ValueId operand : op.operands) ++counts[operand];
  for (const Output& output : graph.outputs) ++counts[output.value];
  return counts;
}

namespace {

// A dim_size may require a minimum size.
void check_size(const Op& op) {
  const Dim& dim = op.attrs.dims(Attr::dim).front();
  const std::int64_t least = op.attrs.integer(Attr::at_least);
  if (dim.factor >= least) return;
  const std::string place = to_string(op.location), what = op.attrs.text(Attr::needed_by);
  fail("{}{}{} needs a batch of at least {} rows, got {}", place, place.empty() ? "" : ": ",
       what.empty() ? "this graph" : what, least, dim.factor);
}

}  // namespace

Graph bind(const Graph& graph, const Bindings& bindings) {
  for (const auto& [symbol, size] : bindings)
    if (size <= 0) fail("{} = {}: a batch must hold at least one element", symbol, size);
  Graph bound = graph;
  for (Value& value : bound.values) value.type.dims = ir::bind(value.type.dims, bindings);
  for (Op& op : bound.ops) {
    Attrs attrs;
    for (const auto& [key, value] : op.attrs.values()) {
      const auto* dims = std::get_if<Dims>(&value);
      attrs.set(key, dims ? AttrValue(bind(*dims, bindings)) : value);
    }
    op.attrs = std::move(attrs);
    if (op.code == OpCode::dim_size) check_size(op);
    if (op.body) op.body = std::make_shared<const Graph>(bind(*op.body, bindings));
  }
  return bound;
}

namespace {

// By their bits, as constants compare: a NaN equals itself.
bool same(const Init& a, const Init& b) {
  return a.kind == b.kind && bits_of(a.a) == bits_of(b.a) && bits_of(a.b) == bits_of(b.b);
}

bool same(const Slot& a, const Slot& b) {
  return a.name == b.name && a.type == b.type && a.offset == b.offset && same(a.init, b.init) && a.layout == b.layout;
}

// Compares two graphs. Values correspond if the same input, or the same result of the same op, defines them.
class Comparison {
 public:
  Comparison(const Graph& a, const Graph& b) : a_(a), b_(b), partner_(a.values.size(), kNone) {}

  bool run() {
    if (a_.name != b_.name || a_.inputs.size() != b_.inputs.size() || a_.outputs.size() != b_.outputs.size() ||
        a_.ops.size() != b_.ops.size() || a_.values.size() != b_.values.size())
      return false;
    for (std::size_t i = 0; i < a_.inputs.size(); ++i)
      if (!same(a_.inputs[i], b_.inputs[i])) return false;
    for (std::size_t i = 0; i < a_.ops.size(); ++i)
      if (!same(a_.ops[i], b_.ops[i])) return false;
    for (std::size_t i = 0; i < a_.outputs.size(); ++i)
      if (!same(a_.outputs[i], b_.outputs[i])) return false;
    return true;
  }

 private:
  // Records that `a` and `b` correspond.
  bool pair(ValueId a, ValueId b) {
    partner_[a] = b;
    return a_.values[a].type == b_.values[b].type && a_.values[a].name == b_.values[b].name;
  }

  bool same(const Input& a, const Input& b) {
    const auto same_slot = [](const Slot& x, const Slot& y) { return ir::same(x, y); };
    return pair(a.value, b.value) && a.role == b.role && ir::same(a.init, b.init) &&
           std::ranges::equal(a.slots, b.slots, same_slot) && a.layout == b.layout;
  }

  bool same(const Op& a, const Op& b) {
    if (a.code != b.code || a.attrs != b.attrs || a.location != b.location || a.operands.size() != b.operands.size() ||
        a.results.size() != b.results.size() || !a.body != !b.body)
      return false;
    for (std::size_t i = 0; i < a.operands.size(); ++i)
      if (partner_[a.operands[i]] != b.operands[i]) return false;
    for (std::size_t i = 0; i < a.results.size(); ++i)
      if (!pair(a.results[i], b.results[i])) return false;
    return !a.body || equal(*a.body, *b.body);
  }

  bool same(const Output& a, const Output& b) const {
    return a.name == b.name && partner_[a.value] == b.value && a.donates == b.donates;
  }

  const Graph& a_;
  const Graph& b_;
  std::vector<ValueId> partner_;  // value of a -> value of b
};

}  // namespace

bool equal(const Graph& a, const Graph& b) { return Comparison(a, b).run(); }

const Graph* Module::find(std::string_view graph_name) const {
  for (const Graph& graph : graphs)
    if (graph.name == graph_name) return &graph;
  return nullptr;
}

}  // namespace weft::ir
