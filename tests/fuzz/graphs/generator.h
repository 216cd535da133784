// Random well-typed graphs of every op that a user can write: odd shapes, broadcasts both ways, every attribute and
// dtype, extreme constants, values used twice and never. A seed makes the same graph on every machine.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "tests/fuzz/graphs/random.h"

namespace weft::fuzz {

struct Settings {
  int most_ops = 7;
  std::int64_t most_elements = 40;  // of a value, symbols at kLargestSymbol
  std::vector<std::int64_t> sizes = {1, 1, 2, 3, 4, 5};
  bool symbols = true;          // dims may be B or 2*B
  bool extremes = true;         // constants may be NaN, infinite, huge or tiny
  bool narrow = true;           // bf16 and f16 stand beside f32
  bool beside_f32 = true;       // integers and bools too
  bool differentiable = false;  // params, and a scalar output `loss` that depends on them; no op without a gradient
};

inline constexpr std::int64_t kLargestSymbol = 3;

// Inputs are named after the values that suit them, see values.h: `positive..` and `index<rows>..`.
ir::Graph generate(std::uint64_t seed, const Settings& settings);

// Whether the generator makes this op: all but what passes alone make.
bool is_generated(ir::OpCode code);

// Builds a graph by hand: types are checked as in ir::Builder, but equal ops stay apart, so that `cse` has work.
class Maker {
 public:
  ir::ValueId input(std::string name, ir::Type type, ir::Role role, ir::Init init = {});
  ir::ValueId add(ir::OpCode code, std::vector<ir::ValueId> operands, ir::Attrs attrs = {},
                  std::optional<ir::Type> written = {});
  const ir::Type& type(ir::ValueId value) const { return graph.type(value); }

  ir::Graph graph;
};

class Generator {
 public:
  Generator(std::uint64_t seed, const Settings& settings);
  ir::Graph make();

 private:
  using Value = std::optional<ir::ValueId>;  // empty: declined, the caller tries another op

  // generator.cpp
  ir::OpCode pick_code();
  Value make_op(ir::OpCode code);
  void decorate();
  void add_outputs();
  void add_loss();

  // operands.cpp: values to compute with. Types by value: references into the graph dangle once it grows.
  bool fits(const ir::Type& type) const;
  ir::Dim size();
  ir::Dims dims(std::size_t most_rank = 4);
  ir::DType dtype();
  ir::DType float_dtype();
  double number(ir::DType dtype);
  ir::ValueId input(ir::Type type, const std::string& kind = "x");
  ir::ValueId constant(ir::Type type);
  ir::ValueId slot(ir::Type type);
  ir::ValueId fresh(ir::Type type);
  ir::ValueId of_type(ir::Type type);
  ir::ValueId partner(ir::ValueId x);
  ir::ValueId indices(std::int64_t rows, const ir::Dim& count);
  ir::ValueId rng();
  // A value that meets the condition, the newer the likelier.
  template <typename Condition>
  Value find(Condition condition) {
    for (int tries = 0; tries < 6; ++tries) {
      const std::size_t recent = random_.chance(50) ? std::min<std::size_t>(values_.size(), 2) : values_.size();
      const ir::ValueId value = values_[values_.size() - 1 - random_.below(recent)];
      if (condition(maker_.type(value))) return value;
    }
    return {};
  }
  ir::ValueId any(bool floats_only = false);
  ir::ValueId image();
  ir::ValueId matrix();
  ir::ValueId matrices();  // with leading dims

  // elementwise.cpp
  ir::ValueId operand_of(ir::OpCode code);
  Value source(ir::OpCode code);
  Value unary(ir::OpCode code);
  Value binary(ir::OpCode code);
  Value select();
  Value reduce(ir::OpCode code);

  // contraction.cpp
  Value matmul();
  Value convolution(ir::OpCode code);
  Value similarity(ir::OpCode code);
  Value pool(ir::OpCode code);
  Value affine(ir::OpCode code);
  std::vector<std::int64_t> pair(std::int64_t low, std::int64_t high, int percent_low);
  ir::Attrs window(std::int64_t most_dilation);
  Value image_op(ir::OpCode code, std::vector<ir::ValueId> operands, ir::Attrs attrs,
                 std::optional<ir::Type> written = {});
  void activate(ir::Attrs& attrs);

  // movement.cpp
  Value movement(ir::OpCode code);
  Value broadcast();
  Value reshape();
  Value transpose();
  Value slice();
  Value pad();
  Value concat();
  Value gather();
  Value scatter_add();
  Value pack();
  Value view();

  // idioms.cpp: what people write, which passes look for
  Value idiom();
  ir::ValueId scalar(ir::ValueId like, double number);
  Value log_sum_exp();
  Value softmax();
  Value cross_entropy();
  Value normalise();
  Value dense();
  Value padded_sum();
  Value chain();
  ir::ValueId mask(const ir::Dim& rows);
  Value nt_xent();

  Value checked(ir::OpCode code, std::vector<ir::ValueId> operands, ir::Attrs attrs = {},
                std::optional<ir::Type> written = {});

  Random random_;
  const Settings& settings_;
  Maker maker_;
  std::vector<ir::ValueId> values_;
  std::vector<ir::Dim> sizes_;
  Value rng_;
  int inputs_ = 0;
};

}  // namespace weft::fuzz
