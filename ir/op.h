// The op table (ops.def) and the attribute table (attrs.def) as enums and look-ups.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ir/type.h"

namespace weft::ir {

enum class OpCode : std::uint8_t {
#define OP(name, ...) name,
#define ELEMENTWISE(name, ...) name,
#include "ir/ops.def"
};

enum class OpKind : std::uint8_t { source, elementwise, reduce, contraction, pooling, movement, structured };

// The dtypes that an op takes: numbers are floats or i32, choice is a bool and then any.
enum class Takes : std::uint8_t { any, numbers, floats, bools, choice };

// What holds of an op beyond its kind, one bit each, so that a row of ops.def names a set.
enum class Trait : std::uint16_t {
  none = 0,
  typed = 1 << 0,            // the result type is written, not inferred (and still verified)
  commutes = 1 << 1,         // f(a, b) = f(b, a)
  costly = 1 << 2,           // many operations: kernels read its result rather than compute it again
  random = 1 << 3,           // draws numbers
  reads_elsewhere = 1 << 4,  // reads elements of its operands at computed positions
  truth = 1 << 5,            // gives bools
  steps = 1 << 6,            // jumps where its operand hardly changes
  sharp = 1 << 7,            // the last digits of a large operand show in the result
  positive = 1 << 8,         // above 0, if it is a number
  nonnegative = 1 << 9,      // 0 or above, if it is a number
};
constexpr Trait operator|(Trait a, Trait b) { return Trait(std::uint16_t(a) | std::uint16_t(b)); }
constexpr bool contains(Trait set, Trait one) { return (std::uint16_t(set) & std::uint16_t(one)) != 0; }

// One bit per attribute, so that a row of ops.def names a set.
enum class Attr : std::uint32_t {
  none = 0,
#define ATTR(bit, name, ...) name = 1u << bit,
#include "ir/attrs.def"
#undef ATTR
};
constexpr Attr operator|(Attr a, Attr b) { return Attr(std::uint32_t(a) | std::uint32_t(b)); }
constexpr bool contains(Attr set, Attr one) { return (std::uint32_t(set) & std::uint32_t(one)) != 0; }

enum class AttrType : std::uint8_t { integer, integers, numbers, dims, text };
inline constexpr int kMany = 1 << 16;
inline constexpr int kRequired = -1;

struct OpInfo {
  std::string_view name;
  OpKind kind;
  int min_arity;
  int max_arity;
  Takes takes;
  Trait traits;
  double cost;            // of one element in a kernel, in additions
  std::string_view onnx;  // the operator; empty: none does it alone
  Attr attributes;
  std::string_view doc;
  bool has(Trait trait) const { return contains(traits, trait); }
};

// The value of an absent attribute: a number, both numbers of a pair, or a text; kRequired if it must be given.
struct Fallback {
  constexpr Fallback(int value) : number(value) {}  // NOLINT(google-explicit-constructor): table entries
  constexpr Fallback(const char* value) : number(0), text(value) {}  // NOLINT(google-explicit-constructor)
  int number;
  std::string_view text;
};

struct AttrInfo {
  Attr attr;
  std::string_view name;
  AttrType type;
  Fallback fallback;
  std::string_view doc;
  bool is_required() const { return fallback.number == kRequired; }
};

const OpInfo& info(OpCode code);
const std::vector<OpInfo>& op_table();      // indexed by OpCode
const std::vector<AttrInfo>& attr_table();  // in the order of attrs.def
const AttrInfo& info(Attr attr);
std::optional<OpCode> parse_op(std::string_view name);
std::string_view name(OpCode code);
inline bool is_elementwise(OpCode code) { return info(code).kind == OpKind::elementwise; }
inline bool has(OpCode code, Trait trait) { return info(code).has(trait); }
inline bool reads_elsewhere(OpCode code) { return has(code, Trait::reads_elsewhere); }
// What the attribute `activation` may name: the elementwise ops of one float that compute something.
const std::vector<std::string>& activation_names();

// Unused as an attribute. libstdc++ 12 assumes that a variant of numbers, vectors and strings always holds a value;
// when a copy runs out of memory, it destroys a value that was never made. A user-defined type makes it check.
struct NoAttr {
  ~NoAttr() {}
  bool operator==(const NoAttr&) const = default;
};

using AttrValue = std::variant<std::int64_t, std::vector<std::int64_t>, std::vector<double>, Dims, std::string, NoAttr>;

// The attributes of one op, by key. Absent keys read as their default; defaults are never stored, so equal ops compare
// equal. Reading an absent required key, or a key by the wrong type, is an InternalError: the verifier runs first.
class Attrs {
 public:
  Attrs() = default;
  Attrs& set(Attr key, AttrValue value);  // drops a value that equals the default
  bool has(Attr key) const { return values_.count(key) != 0; }

  std::int64_t integer(Attr key) const;
  std::vector<std::int64_t> integers(Attr key) const;
  const std::vector<double>& numbers(Attr key) const;
  const Dims& dims(Attr key) const;
  std::string text(Attr key) const;

  const std::map<Attr, AttrValue>& values() const { return values_; }
  // Compares numbers of constants by their bits: -0 differs from 0, and a NaN equals itself.
  bool operator==(const Attrs& other) const;

 private:
  const AttrValue& required(Attr key) const;
  std::map<Attr, AttrValue> values_;
};

}  // namespace weft::ir
