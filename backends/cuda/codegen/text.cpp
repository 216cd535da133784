// CUDA C++ for operations on single numbers.
#include "backends/cuda/codegen/text.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "backends/cuda/codegen/values.h"

namespace weft::cuda {

using ir::DType;

const char* type_name(Kind kind) {
  switch (kind) {
    case Kind::f32:
      return "float";
    case Kind::f64:
      return "double";
    case Kind::i32:
      return "int";
    case Kind::i64:
      return "long long";
    case Kind::truth:
      return "bool";
  }
  return "";
}

const char* element_name(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "float";
    case DType::bf16:
    case DType::f16:
      return "unsigned short";
    case DType::i32:
      return "int";
    case DType::u8:
    case DType::boolean:
      return "unsigned char";
  }
  return "";
}

std::string literal(double value, Kind kind) {
  if (kind == Kind::truth) return value != 0 ? "true" : "false";
  if (kind == Kind::i32) {
    // C++ has no literal for the smallest int.
    if (value == std::numeric_limits<int>::min()) return "(-2147483647 - 1)";
    return fmt::format("{}", std::int64_t(value));
  }
  const auto number = float(value);
  if (std::isnan(number)) return "kNan";
  if (std::isinf(number)) return number > 0 ? "kInfinity" : "-kInfinity";
  std::string text = fmt::format("{}", number);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text + "f";
}

std::string Text::code(Kind wanted) const { return number_ ? literal(*number_, wanted) : code_; }

std::string Text::atom(Kind wanted) const {
  if (number_) return *number_ < 0 || std::signbit(*number_) ? "(" + code(wanted) + ")" : code(wanted);
  return is_atom_ ? code_ : "(" + code_ + ")";
}

namespace {

Kind common(const Text& a, const Text& b) { return a.is_number() ? b.kind() : a.kind(); }
Source* source_of(const Text& a, const Text& b) { return a.source() ? a.source() : b.source(); }

Text arithmetic(const Text& a, const Text& b, const char* sign, const char* of_ints) {
  const Kind kind = common(a, b);
  if (kind == Kind::i32) return {fmt::format("{}({}, {})", of_ints, a.code(kind), b.code(kind)), kind};
  return {fmt::format("{} {} {}", a.atom(kind), sign, b.atom(kind)), kind, false, source_of(a, b)};
}

Text compare(const Text& a, const Text& b, const char* sign) {
  const Kind kind = common(a, b);
  return {fmt::format("{} {} {}", a.atom(kind), sign, b.atom(kind)), Kind::truth, false, source_of(a, b)};
}

// Floats only: the type rules guarantee that.
Text call(const char* function, const Text& x) {
  return {fmt::format("{}({})", function, x.code(Kind::f32)), Kind::f32, true, x.source()};
}
Text call(const char* function, const Text& a, const Text& b) {
  return {fmt::format("{}({}, {})", function, a.code(Kind::f32), b.code(Kind::f32)), Kind::f32, true, source_of(a, b)};
}

}  // namespace

Text operator+(const Text& a, const Text& b) { return arithmetic(a, b, "+", "add_ints"); }
Text operator-(const Text& a, const Text& b) { return arithmetic(a, b, "-", "subtract_ints"); }
Text operator*(const Text& a, const Text& b) { return arithmetic(a, b, "*", "multiply_ints"); }
Text operator/(const Text& a, const Text& b) {
  return {fmt::format("{} / {}", a.atom(Kind::f32), b.atom(Kind::f32)), Kind::f32, false, source_of(a, b)};
}

Text operator-(const Text& a) {
  if (a.kind() == Kind::i32) return {fmt::format("subtract_ints(0, {})", a.code()), Kind::i32};
  return {"-" + a.atom(a.kind()), a.kind(), false, a.source()};
}

Text abs(const Text& x) {
  if (x.kind() == Kind::i32) return choose(lt(x, 0.0), -x, x);
  return call("fabsf", x);
}

// Each is a function of CUDA's: expf.
#define WEFT_TEXT(name) \
  Text name(const Text& x) { return call(#name "f", x); }
WEFT_ELEMENTARY_FUNCTIONS(WEFT_TEXT)
#undef WEFT_TEXT

Text pow(const Text& a, const Text& b) { return call("powf", a, b); }
Text copysign(const Text& magnitude, const Text& sign) { return call("copysignf", magnitude, sign); }
Text fma(const Text& a, const Text& b, const Text& c) {
  return {fmt::format("fmaf({}, {}, {})", a.code(Kind::f32), b.code(Kind::f32), c.code(Kind::f32)), Kind::f32, true,
          source_of(a.source() ? a : b, c)};
}

Text once(const Text& x) {
  if (x.is_number() || !x.source()) return x;
  return {x.source()->define(type_name(x.kind()), x.code()), x.kind(), true, x.source()};
}

Text lt(const Text& a, const Text& b) { return compare(a, b, "<"); }
Text eq(const Text& a, const Text& b) { return compare(a, b, "=="); }

Text both(const Text& a, const Text& b) {
  return {fmt::format("{} && {}", a.atom(Kind::truth), b.atom(Kind::truth)), Kind::truth, false};
}
Text either(const Text& a, const Text& b) {
  return {fmt::format("{} || {}", a.atom(Kind::truth), b.atom(Kind::truth)), Kind::truth, false};
}
Text negate(const Text& a) { return {"!" + a.atom(Kind::truth), Kind::truth, false}; }

Text choose(const Text& c, const Text& a, const Text& b) {
  const Kind kind = common(a, b);
  return {fmt::format("{} ? {} : {}", c.atom(Kind::truth), a.atom(kind), b.atom(kind)), kind, false,
          c.source() ? c.source() : source_of(a, b)};
}

Text convert(const Text& x, Kind kind) {
  if (x.is_number()) return {x.code(kind), kind};
  if (x.kind() == kind) return x;
  if (kind == Kind::truth) return {x.atom(x.kind()) + " != 0", kind, false};
  if (kind == Kind::i32 && x.kind() == Kind::f32) return {fmt::format("to_int({})", x.code()), kind};
  return {fmt::format("({}){}", type_name(kind), x.atom(x.kind())), kind, false};
}

Text rounded(const Text& x, DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::i32:
    case DType::boolean:
      return x;
    case DType::bf16:
      return {fmt::format("round_bf16({})", x.code()), Kind::f32};
    case DType::f16:
      return {fmt::format("round_f16({})", x.code()), Kind::f32};
    case DType::u8:
      return {fmt::format("{} & 255", x.atom(Kind::i32)), Kind::i32, false};
  }
  return x;
}

Text from_memory(const std::string& element, DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::i32:
    case DType::u8:
      return {element, kind_of(dtype)};
    case DType::bf16:
      return {fmt::format("from_bf16({})", element), Kind::f32};
    case DType::f16:
      return {fmt::format("from_f16({})", element), Kind::f32};
    case DType::boolean:
      return {element + " != 0", Kind::truth, false};
  }
  return {};
}

std::string to_memory(const std::string& value, DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::i32:
    case DType::u8:
    case DType::boolean:
      return value;
    case DType::bf16:
      return fmt::format("to_bf16({})", value);
    case DType::f16:
      return fmt::format("to_f16({})", value);
  }
  return value;
}

}  // namespace weft::cuda
