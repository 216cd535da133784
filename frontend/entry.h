// An entry of a model: one graph that Weft compiles to a program, such as "loss", "encode" or "decode". A model's
// `build` function opens, fills and closes its entries.
#pragma once

#include <memory>
#include <source_location>
#include <string>

#include "frontend/tensor.h"
#include "ir/graph.h"

namespace weft {

// train: dropout and noise act; batch normalisation uses the batch and updates its running statistics.
// eval: layers are fixed functions of their inputs.
enum class Mode { train, eval };

// Builds one graph of a module. The entry closes at the end of its block, and the graph then belongs to the module.
//
//   {
//     Entry entry(module, "loss", Mode::train);
//     Tensor x = entry.input("x", {B, 784});
//     ...
//     entry.output("loss", loss);
//   }
//
// One entry is open at a time per thread, and receives every op made while it is open. Entries of one module share
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
  // A scalar f32[] that the caller may change between calls, such as a weight of the loss or a temperature.
  Tensor hyper(const std::string& name, double fallback,
               std::source_location location = std::source_location::current());
  void output(const std::string& name, Operand value);

 private:
  std::shared_ptr<Recorder> recorder_;
  int exceptions_;
};

// For custom layers. Finds or makes a trained tensor by name: the same name is the same parameter in every entry of the
// module and must have the same dims and initial values there.
Tensor parameter(const std::string& name, const Dims& dims, const ir::Init& init,
                 std::source_location location = std::source_location::current());

// A tensor kept between steps but not trained by gradients, such as a running mean: its current value. `set_state` sets
// the value after the step.
Tensor state(const std::string& name, const Dims& dims, const ir::Init& init,
             std::source_location location = std::source_location::current());
void set_state(const std::string& name, Operand value);

// While it lives, the layers of the open entry act in this mode. A frozen part of a model runs in eval mode while the
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

// The mode of the innermost ModeScope, or else of the open entry.
Mode mode(std::source_location location = std::source_location::current());

}  // namespace weft
