// An entry of a model: one graph that a program is compiled from, such as "loss", "encode" or "decode". What a model's
// `build` function opens, fills and closes.
#pragma once

#include <memory>
#include <source_location>
#include <string>

#include "frontend/tensor.h"
#include "ir/graph.h"

namespace weft {

// train: dropout and noise act, batch normalisation uses the batch and updates its running statistics.
// eval: the layers are fixed functions of their inputs.
enum class Mode { train, eval };

// Builds one graph of a module. The entry closes with its block: the graph then belongs to the module.
//
//   {
//     Entry entry(module, "loss", Mode::train);
//     Tensor x = entry.input("x", {B, 784});
//     ...
//     entry.output("loss", loss);
//   }
//
// One entry is open at a time (a thread); everything made while it is goes into it. Entries of one module share
// parameters, state and hyperparameters by name.
class Entry {
 public:
  Entry(ir::Module& module, const std::string& name, Mode mode,
        std::source_location location = std::source_location::current());
  ~Entry();
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  // A value the caller gives with each call.
  Tensor input(const std::string& name, const Dims& dims, DType dtype = DType::f32,
               std::source_location location = std::source_location::current());
  // A scalar f32[] that the caller may change from call to call: a weight of the loss, a temperature.
  Tensor hyper(const std::string& name, double fallback,
               std::source_location location = std::source_location::current());
  void output(const std::string& name, Operand value);

 private:
  std::shared_ptr<Recorder> recorder_;
  int exceptions_;
};

// For layers of one's own. A trained tensor, found by its name or made: the same name is the same parameter in every
// entry of the module, and must have the same dims and initial values there.
Tensor parameter(const std::string& name, const Dims& dims, const ir::Init& init,
                 std::source_location location = std::source_location::current());

// A tensor kept from step to step but not trained by gradients, such as a running mean: its value as of now.
// `set_state` gives it a new one, which the step leaves behind.
Tensor state(const std::string& name, const Dims& dims, const ir::Init& init,
             std::source_location location = std::source_location::current());
void set_state(const std::string& name, Operand value);

// While it lives, the layers of the open entry act in this mode: a frozen part of a model is in eval mode while the
// rest trains.
//
//   ModeScope frozen(Mode::eval);
class ModeScope {
 public:
  explicit ModeScope(Mode mode, std::source_location location = std::source_location::current());
  ~ModeScope();
  ModeScope(const ModeScope&) = delete;
  ModeScope& operator=(const ModeScope&) = delete;

 private:
  std::shared_ptr<Recorder> recorder_;
  Mode outer_;
};

// Of the open entry, or of the innermost ModeScope.
Mode mode(std::source_location location = std::source_location::current());

}  // namespace weft
