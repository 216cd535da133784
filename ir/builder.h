// The only way to make a graph: it type-checks every op, and returns an existing pure op instead of adding an equal one
// (interning), so common subexpressions never arise.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ir/graph.h"

namespace weft::ir {

class Builder {
 public:
  explicit Builder(std::string graph_name) { graph_.name = std::move(graph_name); }

  // Input names are unique. Throws Error if the name is taken.
  ValueId input(const std::string& name, Type type, Role role = Role::data, Init init = {},
                std::vector<Slot> slots = {}, std::string layout = {});

  // Adds an op with one result. `typed` ops need `type`; for others it must equal the inferred type if given. Throws
  // Error with the op, the facts that disagree and the origin of each operand.
  ValueId create(OpCode code, std::vector<ValueId> operands, Attrs attrs = {}, std::optional<Type> type = {},
                 std::string name = {});
  // Adds a `fused` op; its results have the body's output types and names.
  std::vector<ValueId> fused(std::vector<ValueId> operands, GraphPtr body);

  ValueId constant(double value, Type type = {});  // fills `type`, default f32[]
  void output(const std::string& name, ValueId value, std::uint32_t donates = kNone);

  // The location of the ops and inputs added from here on.
  void set_where(Location location) { location_ = std::move(location); }
  const Location& location() const { return location_; }
  void set_name(ValueId value, std::string name);  // only if it has none

  bool has_input(const std::string& name) const { return input_names_.count(name) != 0; }
  bool has_output(const std::string& name) const { return output_names_.count(name) != 0; }

  const Graph& graph() const { return graph_; }
  const Type& type(ValueId value) const { return graph_.type(value); }
  Graph take() { return std::move(graph_); }

 private:
  [[noreturn]] void fail_op(OpCode code, const std::vector<ValueId>& operands, const std::string& what) const;
  ValueId add(Op op, Type type, std::string name);

  Graph graph_;
  Location location_;
  std::unordered_set<std::string> input_names_, output_names_;
  std::map<ValueId, Location> input_places_;             // for error messages
  std::unordered_multimap<std::size_t, OpId> interned_;  // hash of a pure op -> the op
};

// The type rule of `code`. Throws Error (without a location) that states both facts. `written` is the type of a typed
// op.
Type infer(OpCode code, const std::vector<Type>& operands, const Attrs& attrs, const std::optional<Type>& written);

// Throws the Error of an op that breaks a rule: its location, the op, `what`, and the origin of each operand. The
// builder keeps the locations of inputs, because a graph does not.
[[noreturn]] void fail_op(const Graph& graph, const Location& location, OpCode code,
                          const std::vector<ValueId>& operands, const std::string& what,
                          const std::map<ValueId, Location>& input_places = {});

}  // namespace weft::ir
