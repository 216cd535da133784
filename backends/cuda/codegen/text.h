// A number type whose arithmetic writes CUDA C++: instantiating ir/scalar.h with it gives the text of every elementwise
// op.
#pragma once

#include <optional>
#include <string>

#include "ir/kernel/queries.h"
#include "ir/scalar.h"

namespace weft::cuda {

// Of a value while a kernel computes. Rounding to its dtype is a separate operation.
using kernel::Kind;
using kernel::kind_of;
const char* type_name(Kind kind);           // "float", "int", "bool"
const char* element_name(ir::DType dtype);  // of an element in memory; halves are unsigned short
std::string literal(double value, Kind kind);

class Source;

class Text {
 public:
  // A number without a kind: it takes the kind of what it is combined with.
  Text(double value = 0) : number_(value) {}  // NOLINT(google-explicit-constructor): scalar.h writes numbers
  // An expression. `is_atom`: needs no parentheses.
  Text(std::string code, Kind kind, bool is_atom = true) : code_(std::move(code)), kind_(kind), is_atom_(is_atom) {}
  // The same, in a formula that may write statements to `source` (see `once`).
  Text(std::string code, Kind kind, bool is_atom, Source* source) : Text(std::move(code), kind, is_atom) {
    source_ = source;
  }

  bool is_number() const { return number_.has_value(); }
  Kind kind() const { return kind_; }
  std::string code(Kind wanted) const;  // as `wanted`, if it is a number
  std::string code() const { return code(kind_); }
  std::string atom(Kind wanted) const;  // with parentheses if needed
  Source* source() const { return source_; }

 private:
  std::string code_;
  Kind kind_ = Kind::f32;
  bool is_atom_ = true;
  std::optional<double> number_;
  Source* source_ = nullptr;
};

Text operator+(const Text& a, const Text& b);
Text operator-(const Text& a, const Text& b);
Text operator*(const Text& a, const Text& b);
Text operator/(const Text& a, const Text& b);
Text operator-(const Text& a);
Text abs(const Text& x);
#define WEFT_TEXT(name) Text name(const Text& x);
WEFT_ELEMENTARY_FUNCTIONS(WEFT_TEXT)
#undef WEFT_TEXT
Text pow(const Text& a, const Text& b);
Text lt(const Text& a, const Text& b);
Text eq(const Text& a, const Text& b);
Text both(const Text& a, const Text& b);
Text either(const Text& a, const Text& b);
Text negate(const Text& a);
Text choose(const Text& c, const Text& a, const Text& b);
Text fma(const Text& a, const Text& b, const Text& c);
Text copysign(const Text& magnitude, const Text& sign);
Text once(const Text& x);  // a new variable of this value; x itself where nothing can be written

Text convert(const Text& x, Kind kind);
// Rounds a value of its kind to the dtype.
Text rounded(const Text& x, ir::DType dtype);
// Converts between elements in memory and values.
Text from_memory(const std::string& element, ir::DType dtype);
std::string to_memory(const std::string& value, ir::DType dtype);

}  // namespace weft::cuda
