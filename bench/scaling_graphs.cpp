// The families of graphs, in the DSL.
#include "bench/scaling_graphs.h"

#include "frontend/weft.h"
#include "ir/error.h"

namespace weft::bench {

namespace {

// A module with one entry. `fill` receives x f32[dims].
template <typename Fill>
ir::GraphPtr entry_of(const Dims& dims, const Fill& fill) {
  ir::Module module;
  {
    Entry entry(module, "loss", Mode::train);
    fill(entry, entry.input("x", dims));
  }
  return std::make_shared<const ir::Graph>(std::move(module.graphs.front()));
}

// One long chain of elementwise ops that no rule shortens.
ir::GraphPtr chain(int ops) {
  return entry_of({64, 64}, [&](Entry& entry, const Tensor& x) {
    Tensor y = x * 0.5;
    for (int i = 1; i < ops; ++i) y = i % 3 == 0 ? y * x : i % 3 == 1 ? y + x : relu(y);
    entry.output("y", y);
  });
}

// Many short chains that share only their input.
ir::GraphPtr wide(int ops) {
  return entry_of({64, 64}, [&](Entry& entry, const Tensor& x) {
    for (int i = 0; i < ops / 4; ++i) entry.output(fmt::format("y{}", i), relu(x * (0.5 + i) + x) * x);
  });
}

ir::GraphPtr mlp(int ops) {
  return entry_of({32, 16}, [&](Entry& entry, const Tensor& x) {
    Tensor y = x;
    for (int i = 0; i < ops / 13; ++i) y = tanh(Linear(fmt::format("fc{}", i), 16, 16)(y));
    entry.output("loss", mean(y * y));
  });
}

ir::GraphPtr convolutions(int ops) {
  return entry_of({4, 8, 8, 8}, [&](Entry& entry, const Tensor& x) {
    Tensor y = x;
    for (int i = 0; i < ops / 13; ++i) y = relu(Conv2d(fmt::format("conv{}", i), 8, 8, 3, {.padding = 1})(y));
    entry.output("loss", mean(y * y));
  });
}

// Residual blocks of a convolution and a batch normalisation.
ir::GraphPtr residual(int ops) {
  return entry_of({4, 8, 8, 8}, [&](Entry& entry, const Tensor& x) {
    Tensor y = x;
    for (int i = 0; i < ops / 65; ++i) {
      const Tensor inner = Conv2d(fmt::format("conv{}", i), 8, 8, 3, {.padding = 1}, {.bias = false})(y);
      y = relu(y + BatchNorm(fmt::format("norm{}", i), 8)(inner));
    }
    entry.output("loss", mean(y * y));
  });
}

// A sum over many params, each combined with the data once.
ir::GraphPtr parameters(int ops) {
  return entry_of({16, 8}, [&](Entry& entry, const Tensor& x) {
    Tensor y = x;
    for (int i = 0; i < ops / 6; ++i)
      y = y + x * parameter(fmt::format("p{}", i), {8}, ir::uniform_init(-1, 1)) * (1.5 + i);
    entry.output("loss", mean(y));
  });
}

// Each reduction reads the result of the one before it.
ir::GraphPtr reductions(int ops) {
  return entry_of({64, 32}, [&](Entry& entry, const Tensor& x) {
    Tensor y = x;
    for (int i = 0; i < ops / 4; ++i) y = y * x - mean(y, {1}, true);
    entry.output("y", y);
  });
}

}  // namespace

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all = {
      {"chain", "one chain of elementwise ops", false, chain},
      {"wide", "short chains side by side, one output each", false, wide},
      {"mlp", "linear layers, training step", true, mlp},
      {"convolutions", "convolution layers, training step", true, convolutions},
      {"residual", "residual blocks with batch norm, training step", true, residual},
      {"parameters", "a sum over many params, training step", true, parameters},
      {"reductions", "row reductions, one after another", false, reductions},
  };
  return all;
}

}  // namespace weft::bench
