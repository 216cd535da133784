// The graph: SSA values and ops in one order, with dense ids into arrays. ir/builder.h builds it, ir/verify.h checks
// it, ir/text/print.h and ir/text/parse.h write and read it as text. Passes never edit a graph: they build a new one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ir/op.h"
#include "ir/type.h"

namespace weft::ir {

using ValueId = std::uint32_t;
using OpId = std::uint32_t;
inline constexpr std::uint32_t kNone = ~0u;

// Where an op comes from: the DSL scope (`encoder/fc1`) and the user's file and line. Empty and 0 if unknown.
struct Location {
  std::string scope;
  std::string file;
  int line = 0;
  bool operator==(const Location&) const = default;
};
std::string to_string(const Location& location);  // "model.cpp:41 (encoder/fc1)", or "" if unknown

struct Value {
  Type type;
  OpId op = kNone;          // the op that computes it; kNone for an input
  std::uint32_t index = 0;  // which result of that op
  std::string name;         // from the DSL; may be empty
};

class Graph;

struct Op {
  OpCode code = OpCode::constant;
  std::vector<ValueId> operands;
  Attrs attrs;
  std::vector<ValueId> results;  // exactly one, except for `fused`
  Location location;
  std::shared_ptr<const Graph> body;  // only for `fused`: its inputs are the operands, its outputs the results
};

// How an input gets its value. data: the caller gives it with each call. param: trained. state: kept between steps but
// not trained by gradients (optimizer moments, running statistics). rng: i32[4] seed and step. hyper: a scalar with a
// default.
enum class Role : std::uint8_t { data, param, state, rng, hyper };
inline constexpr Role kRoles[] = {Role::data, Role::param, Role::state, Role::rng, Role::hyper};
std::string_view name(Role role);

// The initial value of a param or state; for a hyper input, constant(its default).
struct Init {
  enum class Kind : std::uint8_t { none, constant, uniform, normal };
  Kind kind = Kind::none;
  double a = 0;  // constant: the value; uniform: low; normal: mean
  double b = 0;  // uniform: high; normal: standard deviation
  bool operator==(const Init&) const = default;
};
inline Init constant_init(double value) { return {Init::Kind::constant, value, 0}; }
inline Init uniform_init(double low, double high) { return {Init::Kind::uniform, low, high}; }
inline Init normal_init(double mean, double deviation) { return {Init::Kind::normal, mean, deviation}; }

// A tensor inside a flat input, where `update` lays out many tensors in one vector.
struct Slot {
  std::string name;
  Type type;
  std::int64_t offset = 0;  // in elements
  Init init;
  std::string layout = {};  // memory layout, see ir/memory_layout.h; does not affect the meaning
  bool operator==(const Slot&) const = default;
};

struct Input {
  ValueId value = kNone;
  Role role = Role::data;
  Init init;
  std::vector<Slot> slots;  // empty unless flat
  std::string layout = {};  // likewise; "" if flat
};

struct Output {
  std::string name;
  ValueId value = kNone;
  std::uint32_t donates = kNone;  // index of the input whose memory this output takes over: state updated in place
};

class Graph {
 public:
  std::string name;
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  std::vector<Op> ops;  // definitions come before uses
  std::vector<Value> values;

  const Type& type(ValueId value) const { return values[value].type; }
  const Op* producer(ValueId value) const { return values[value].op == kNone ? nullptr : &ops[values[value].op]; }
  // Index into inputs or outputs, or kNone.
  std::uint32_t find_input(std::string_view input_name) const;
  std::uint32_t find_output(std::string_view output_name) const;
  const std::string& input_name(std::uint32_t index) const { return values[inputs[index].value].name; }
  std::vector<std::string> symbols() const;  // the free dim symbols, sorted
};
using GraphPtr = std::shared_ptr<const Graph>;

// Number of uses of each value: by ops and outputs.
std::vector<int> use_counts(const Graph& graph);
// The ops that read each value, in order, once per read.
std::vector<std::vector<OpId>> users_of(const Graph& graph);
// The graph with every symbol in `bindings` replaced. Throws Error if a size becomes invalid (an empty batch) or
// smaller than a dim_size requires.
Graph bind(const Graph& graph, const Bindings& bindings);
// Equality of everything except the numbering of values: inputs, ops and their order, names, attributes, types,
// locations.
bool equal(const Graph& a, const Graph& b);

// The entries of one model; they share params by name.
struct Module {
  std::string name;
  std::vector<Graph> graphs;
  const Graph* find(std::string_view graph_name) const;
};

}  // namespace weft::ir
