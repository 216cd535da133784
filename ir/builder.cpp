// Adds type-checked, interned ops to a graph.
#include "ir/builder.h"

#include <functional>

#include "ir/bits.h"
#include "ir/error.h"

namespace weft::ir {

namespace {

std::size_t mix(std::size_t seed, std::size_t value) {
  value = (value ^ (value >> 31)) * 0x7fb5d329728ea185ull;
  return (seed ^ value ^ (value >> 27)) * 0x9e3779b97f4a7c15ull;
}

std::size_t hash(const Dims& dims) {
  std::size_t seed = dims.size();
  for (const Dim& dim : dims) seed = mix(mix(seed, std::size_t(dim.factor)), std::hash<std::string>()(dim.symbol));
  return seed;
}

std::size_t hash(const AttrValue& value) {
  std::size_t seed = value.index();
  if (const auto* number = std::get_if<std::int64_t>(&value)) return mix(seed, std::size_t(*number));
  if (const auto* text = std::get_if<std::string>(&value)) return mix(seed, std::hash<std::string>()(*text));
  if (const auto* dims = std::get_if<Dims>(&value)) return mix(seed, hash(*dims));
  if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&value))
    for (const std::int64_t each : *integers) seed = mix(seed, std::size_t(each));
  if (const auto* numbers = std::get_if<std::vector<double>>(&value))
    for (const double each : *numbers) seed = mix(seed, bits_of(each));
  return seed;
}

// Equal ops of equal types hash alike.
std::size_t hash(const Op& op, const Type& type) {
  std::size_t seed = mix(std::size_t(op.code), std::size_t(type.dtype));
  seed = mix(seed, hash(type.dims));
  for (const ValueId operand : op.operands) seed = mix(seed, operand);
  for (const auto& [key, value] : op.attrs.values()) seed = mix(mix(seed, std::size_t(key)), hash(value));
  return seed;
}

}  // namespace

ValueId Builder::input(const std::string& name, Type type, Role role, Init init, std::vector<Slot> slots,
                       std::string layout) {
  if (!input_names_.insert(name).second) fail("graph @{} already has an input %{}", graph_.name, name);
  const ValueId id = ValueId(graph_.values.size());
  graph_.values.push_back({std::move(type), kNone, 0, name});
  graph_.inputs.push_back({id, role, init, std::move(slots), std::move(layout)});
  if (!location_.file.empty()) input_places_[id] = location_;
  return id;
}

ValueId Builder::create(OpCode code, std::vector<ValueId> operands, Attrs attrs, std::optional<Type> type,
                        std::string name) {
  std::vector<Type> types;
  for (const ValueId operand : operands) types.push_back(graph_.type(operand));
  Type result;
  try {
    result = infer(code, types, attrs, type);
  } catch (const Error& error) {
    fail_op(code, operands, error.what());
  }
  Op op;
  op.code = code;
  op.operands = std::move(operands);
  op.attrs = std::move(attrs);
  op.location = location_;
  return add(std::move(op), std::move(result), std::move(name));
}

ValueId Builder::add(Op op, Type type, std::string name) {
  const std::size_t key = hash(op, type);
  const auto [first, last] = interned_.equal_range(key);
  for (auto each = first; each != last; ++each) {
    const Op& other = graph_.ops[each->second];
    const ValueId result = other.results.front();
    if (other.code == op.code && other.operands == op.operands && other.attrs == op.attrs &&
        graph_.type(result) == type) {
      set_name(result, std::move(name));
      return result;
    }
  }
  const OpId op_id = OpId(graph_.ops.size());
  const ValueId result = ValueId(graph_.values.size());
  op.results = {result};
  graph_.values.push_back({std::move(type), op_id, 0, std::move(name)});
  graph_.ops.push_back(std::move(op));
  interned_.emplace(key, op_id);
  return result;
}

std::vector<ValueId> Builder::fused(std::vector<ValueId> operands, GraphPtr body) {
  check(operands.size() == body->inputs.size(), "fused: one operand for each body input");
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Type& expected = body->type(body->inputs[i].value);
    if (graph_.type(operands[i]) != expected)
      fail_op(OpCode::fused, operands,
              fmt::format("operand {} is {}, but the body takes {}", i, to_string(graph_.type(operands[i])),
                          to_string(expected)));
  }
  const OpId op_id = OpId(graph_.ops.size());
  Op op;
  op.code = OpCode::fused;
  op.operands = std::move(operands);
  op.location = location_;
  for (const Output& output : body->outputs) {
    op.results.push_back(ValueId(graph_.values.size()));
    graph_.values.push_back({body->type(output.value), op_id, std::uint32_t(op.results.size() - 1), output.name});
  }
  op.body = std::move(body);
  const std::vector<ValueId> results = op.results;
  graph_.ops.push_back(std::move(op));
  return results;
}

ValueId Builder::constant(double value, Type type) {
  return create(OpCode::constant, {}, Attrs().set(Attr::values, std::vector<double>{value}), std::move(type));
}

void Builder::output(const std::string& name, ValueId value, std::uint32_t donates) {
  if (has_output(name)) fail("graph @{} already has an output {}", graph_.name, name);
  if (donates != kNone && graph_.type(value) != graph_.type(graph_.inputs[donates].value))
    fail("output {} is {}, but the input {} it replaces is {}", name, to_string(graph_.type(value)),
         graph_.input_name(donates), to_string(graph_.type(graph_.inputs[donates].value)));
  output_names_.insert(name);
  graph_.outputs.push_back({name, value, donates});
}

void Builder::set_name(ValueId value, std::string name) {
  if (graph_.values[value].name.empty()) graph_.values[value].name = std::move(name);
}

void Builder::fail_op(OpCode code, const std::vector<ValueId>& operands, const std::string& what) const {
  ir::fail_op(graph_, location_, code, operands, what, input_places_);
}

void fail_op(const Graph& graph, const Location& location, OpCode code, const std::vector<ValueId>& operands,
             const std::string& what, const std::map<ValueId, Location>& input_places) {
  std::string message = location.file.empty() ? std::string() : fmt::format("{}:{}: ", location.file, location.line);
  message += fmt::format("[{}] {}", name(code), what);
  std::string sources;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Value& value = graph.values[operands[i]];
    const Op* op = graph.producer(operands[i]);
    const auto input = input_places.find(operands[i]);
    const std::string place = op                            ? to_string(op->location)
                              : input != input_places.end() ? to_string(input->second)
                                                            : "an input";
    if (place.empty()) continue;
    sources +=
        fmt::format("{}{} {} from {}", sources.empty() ? "\n  " : ", ",
                    value.name.empty() ? fmt::format("operand {}", i) : value.name, to_string(value.type), place);
  }
  throw Error(message + sources);
}

}  // namespace weft::ir
