// The frame of a random graph: which ops, in which order, with which names, places and outputs.
#include "tests/fuzz/graphs/generator.h"

#include <algorithm>

#include "ir/builder.h"
#include "ir/error.h"

namespace weft::fuzz {

using ir::OpCode;
using ir::OpKind;
using ir::ValueId;

ValueId Maker::input(std::string name, ir::Type type, ir::Role role, ir::Init init) {
  const ValueId id = ValueId(graph.values.size());
  graph.values.push_back({std::move(type), ir::kNone, 0, std::move(name)});
  graph.inputs.push_back({id, role, init, {}, {}});
  return id;
}

ValueId Maker::add(OpCode code, std::vector<ValueId> operands, ir::Attrs attrs, std::optional<ir::Type> written) {
  std::vector<ir::Type> types;
  for (const ValueId operand : operands) types.push_back(graph.type(operand));
  ir::Type result = ir::infer(code, types, attrs, written);
  const ValueId id = ValueId(graph.values.size());
  graph.values.push_back({std::move(result), ir::OpId(graph.ops.size()), 0, ""});
  ir::Op op;
  op.code = code;
  op.operands = std::move(operands);
  op.attrs = std::move(attrs);
  op.results = {id};
  graph.ops.push_back(std::move(op));
  return id;
}

bool is_generated(OpCode code) { return code != OpCode::fused; }

Generator::Generator(std::uint64_t seed, const Settings& settings) : random_(seed), settings_(settings) {
  maker_.graph.name = "g";
  const std::size_t count = 2 + random_.below(3);
  for (std::size_t i = 0; i < count; ++i) {
    ir::Dim dim(random_.pick(settings_.sizes));
    if (settings_.symbols && random_.chance(25)) dim = ir::Dim("B", random_.chance(30) ? 2 : 1);
    sizes_.push_back(dim);
  }
}

ir::Graph generate(std::uint64_t seed, const Settings& settings) { return Generator(seed, settings).make(); }

ir::Graph Generator::make() {
  const std::size_t inputs = 1 + random_.below(3);
  for (std::size_t i = 0; i < inputs; ++i) values_.push_back(input({float_dtype(), dims()}));
  const int ops = 1 + int(random_.below(std::size_t(settings_.most_ops)));
  int tries = 0;
  while (int(maker_.graph.ops.size()) < ops && ++tries < 100) {
    const Value value = random_.chance(12) ? idiom() : make_op(pick_code());
    if (value) values_.push_back(*value);
  }
  if (settings_.differentiable)
    add_loss();
  else
    add_outputs();
  decorate();
  return std::move(maker_.graph);
}

// Every op alike, but those of simple algebra more often: most rules are about them.
OpCode Generator::pick_code() {
  static constexpr OpCode kFrequent[] = {OpCode::add,        OpCode::mul,     OpCode::sub,       OpCode::div,
                                         OpCode::neg,        OpCode::reshape, OpCode::broadcast, OpCode::transpose,
                                         OpCode::reduce_sum, OpCode::matmul,  OpCode::slice,     OpCode::pad,
                                         OpCode::concat,     OpCode::max,     OpCode::select,    OpCode::constant};
  if (random_.chance(40)) return random_.pick(kFrequent);
  for (;;)
    if (const auto code = OpCode(random_.below(ir::op_table().size())); is_generated(code)) return code;
}

namespace {

// Ops that `differentiate` refuses, whatever flows into them.
bool has_gradient(OpCode code) { return code != OpCode::similarity_lse_grad && code != OpCode::similarity_tiles; }

}  // namespace

Generator::Value Generator::make_op(OpCode code) {
  if (settings_.differentiable && !has_gradient(code)) return {};
  switch (ir::info(code).kind) {
    case OpKind::source:
      return source(code);
    case OpKind::elementwise:
      if (code == OpCode::select) return select();
      return ir::info(code).max_arity == 1 ? unary(code) : binary(code);
    case OpKind::reduce:
      return reduce(code);
    case OpKind::contraction:
      if (code == OpCode::matmul) return matmul();
      return ir::contains(ir::info(code).attributes, ir::Attr::stride) ? convolution(code) : similarity(code);
    case OpKind::pooling:
      return pool(code);
    case OpKind::movement:
      return movement(code);
    case OpKind::structured:
      break;
  }
  throw InternalError("the fuzzer cannot make this op");
}

// Adds the op where its result is small enough.
Generator::Value Generator::checked(OpCode code, std::vector<ValueId> operands, ir::Attrs attrs,
                                    std::optional<ir::Type> written) {
  if (written && !fits(*written)) return {};
  const ValueId value = maker_.add(code, std::move(operands), std::move(attrs), std::move(written));
  if (fits(maker_.type(value))) return value;
  maker_.graph.ops.pop_back();
  maker_.graph.values.pop_back();
  return {};
}

// Names, scopes and lines: they must survive printing, and matter to nothing else.
void Generator::decorate() {
  static const std::string kNames[] = {"h", "h", "two words", "a/b.c-d", "0", "x#2", "\"quoted\"", "z"};
  static const std::string kScopes[] = {"encoder/fc1", "a scope", "", "loss"};
  for (ir::Op& op : maker_.graph.ops) {
    if (random_.chance(10)) maker_.graph.values[op.results[0]].name = random_.pick(kNames);
    if (random_.chance(10)) op.location.scope = random_.pick(kScopes);
    if (random_.chance(10)) op.location = {op.location.scope, "models/a b.cpp", int(random_.below(1000))};
  }
}

void Generator::add_outputs() {
  ir::Graph& graph = maker_.graph;
  const std::size_t count = 1 + random_.below(3);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t back = random_.chance(60) ? i : random_.below(values_.size());
    const ValueId value = values_[values_.size() - 1 - std::min(back, values_.size() - 1)];
    graph.outputs.push_back({fmt::format("y{}", i), value, ir::kNone});
  }
  if (!random_.chance(10)) return;
  const auto donor = std::uint32_t(random_.below(graph.inputs.size()));
  if (graph.type(graph.inputs[donor].value) == graph.type(graph.outputs[0].value)) graph.outputs[0].donates = donor;
}

// The sum of what depends on the params, weighted so that no two elements count alike.
void Generator::add_loss() {
  ir::Graph& graph = maker_.graph;
  ValueId loss = scalar(values_[0], 0);
  const std::size_t count = 1 + random_.below(2);
  for (std::size_t i = 0; i < count; ++i) {
    ValueId value = values_[values_.size() - 1 - std::min(i, values_.size() - 1)];
    if (!is_float(graph.type(value).dtype) || graph.type(value).dtype != ir::DType::f32) continue;
    if (graph.type(value).rank() > 0) {
      const ValueId weights = input(graph.type(value), "weights");
      value = maker_.add(OpCode::mul, {value, weights});
      std::vector<std::int64_t> axes;
      for (std::size_t axis = 0; axis < graph.type(value).rank(); ++axis) axes.push_back(std::int64_t(axis));
      value = maker_.add(OpCode::reduce_sum, {value}, ir::Attrs().set(ir::Attr::axes, axes));
      value = maker_.add(OpCode::reshape, {value}, {}, ir::f32({}));
    }
    loss = maker_.add(OpCode::add, {loss, value});
  }
  graph.outputs.push_back({"loss", loss, ir::kNone});
}

}  // namespace weft::fuzz
