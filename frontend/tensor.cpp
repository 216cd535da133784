// Handles, operators and scopes.
#include "frontend/tensor.h"

#include "frontend/recorder.h"
#include "ir/error.h"

namespace weft {

using ir::OpCode;

ir::Type Tensor::type() const { return recorder_->type(value_); }

Dim Tensor::dim(int axis, std::source_location location) const {
  const Dims all = dims();
  const int index = axis < 0 ? axis + int(all.size()) : axis;
  if (index < 0 || index >= int(all.size()))
    recorder_->fail(location, fmt::format("axis {} is beyond {}", axis, ir::to_string(type())));
  return all[std::size_t(index)];
}

const Tensor& Tensor::named(const std::string& name) const {
  recorder_->set_name(value_, name);
  return *this;
}

Tensor operator-(Operand x) { return make(OpCode::neg, {x}); }
Tensor operator+(Operand a, Operand b) { return make(OpCode::add, {a, b}); }
Tensor operator-(Operand a, Operand b) { return make(OpCode::sub, {a, b}); }
Tensor operator*(Operand a, Operand b) { return make(OpCode::mul, {a, b}); }
Tensor operator/(Operand a, Operand b) { return make(OpCode::div, {a, b}); }

Tensor operator==(Operand a, Operand b) { return make(OpCode::eq, {a, b}); }
Tensor operator!=(Operand a, Operand b) { return make(OpCode::ne, {a, b}); }
Tensor operator<(Operand a, Operand b) { return make(OpCode::lt, {a, b}); }
Tensor operator<=(Operand a, Operand b) { return make(OpCode::le, {a, b}); }
Tensor operator>(Operand a, Operand b) { return make(OpCode::gt, {a, b}); }
Tensor operator>=(Operand a, Operand b) { return make(OpCode::ge, {a, b}); }

Tensor operator!(Operand x) { return make(OpCode::logical_not, {x}); }
Tensor operator&(Operand a, Operand b) { return make(OpCode::logical_and, {a, b}); }
Tensor operator|(Operand a, Operand b) { return make(OpCode::logical_or, {a, b}); }

Scope::Scope(const std::string& name, std::source_location location)
    : recorder_(Recorder::current(location)), outer_(recorder_->scope_) {
  recorder_->scope_ = outer_.empty() ? name : outer_ + "/" + name;
}

Scope::~Scope() { recorder_->scope_ = outer_; }

}  // namespace weft
