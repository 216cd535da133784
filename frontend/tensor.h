// The DSL's values: Tensor is a handle to a value of the graph under construction, with operators. Every op made
// through it records the file and line of the user's expression.
#pragma once

#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <utility>

#include "ir/graph.h"

namespace weft {

using ir::Dim;
using ir::Dims;
using ir::DType;

// The batch size, a symbol until the graph is compiled: x is f32[B,784] for any batch.
inline const Dim B{"B"};

class Recorder;  // the graph under construction, frontend/recorder.h

class Tensor {
 public:
  // The type as the graph knows it: dims are numbers or symbols.
  ir::Type type() const;
  DType dtype() const { return type().dtype; }
  Dims dims() const { return type().dims; }
  std::size_t rank() const { return type().rank(); }
  // Size along `axis`; negative axes count from the end.
  Dim dim(int axis, std::source_location location = std::source_location::current()) const;

  // Names the value for dumps, profiles and errors unless it has a name. Returns the tensor itself.
  const Tensor& named(const std::string& name) const;

  // Internal to the DSL.
  Tensor(std::shared_ptr<Recorder> recorder, ir::ValueId value) : recorder_(std::move(recorder)), value_(value) {}
  const std::shared_ptr<Recorder>& recorder() const { return recorder_; }
  ir::ValueId value() const { return value_; }

 private:
  std::shared_ptr<Recorder> recorder_;
  ir::ValueId value_;
};

// The argument of a DSL function: a tensor or a number, and where the user's file wrote it. Calls make it by
// conversion; a number becomes a scalar constant of the dtype of the tensor beside it.
class Operand {
 public:
  Operand(const Tensor& tensor, std::source_location location = std::source_location::current())  // NOLINT
      : tensor_(tensor), location_(location) {}
  Operand(double number, std::source_location location = std::source_location::current())  // NOLINT
      : number_(number), location_(location) {}

  const std::optional<Tensor>& tensor() const { return tensor_; }  // empty if it is a number
  double number() const { return number_; }
  const std::source_location& location() const { return location_; }

 private:
  std::optional<Tensor> tensor_;
  double number_ = 0;
  std::source_location location_;
};

// Elementwise, with numpy broadcasting: dims are aligned at the right, and a dim of size 1 stretches.
Tensor operator-(Operand x);
Tensor operator+(Operand a, Operand b);
Tensor operator-(Operand a, Operand b);
Tensor operator*(Operand a, Operand b);
Tensor operator/(Operand a, Operand b);

// Elementwise comparisons: a bool tensor, for select, cast and the logical operators below.
Tensor operator==(Operand a, Operand b);
Tensor operator!=(Operand a, Operand b);
Tensor operator<(Operand a, Operand b);
Tensor operator<=(Operand a, Operand b);
Tensor operator>(Operand a, Operand b);
Tensor operator>=(Operand a, Operand b);

// On bool tensors.
Tensor operator!(Operand x);
Tensor operator&(Operand a, Operand b);
Tensor operator|(Operand a, Operand b);

// While it lives, new ops belong to this scope; scopes nest: `encoder/fc1`.
//
//   Scope scope("encoder");
class Scope {
 public:
  explicit Scope(const std::string& name, std::source_location location = std::source_location::current());
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  std::shared_ptr<Recorder> recorder_;
  std::string outer_;
};

}  // namespace weft
