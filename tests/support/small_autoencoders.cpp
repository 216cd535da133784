#include "tests/support/small_autoencoders.h"

#include <doctest/doctest.h>

#include <cmath>
#include <utility>

#include "tests/support/small_models.h"

namespace weft::test {

Options few(const std::string& model) {
  Options options{{"latent", "3"}};
  if (model.starts_with("conv")) {
    options["widths"] = "2,4";
  } else {
    options["hidden"] = "6,5";
  }
  return options;
}

std::string message(const std::string& model, const Options& options) {
  return error_of([&] { build_model(model, options); });
}

training::SessionOptions quick_options() {
  training::SessionOptions options = reference_options(16);
  options.optimizer.learning_rate = 5e-3;
  return options;
}

Numbers arbitrary(std::int64_t count, double low, double high) {
  Numbers numbers;
  for (std::int64_t i = 0; i < count; ++i)
    numbers.push_back(low + (high - low) * (0.5 + 0.5 * std::sin(1.7 * double(i) + 0.3)));
  return numbers;
}

Named params_of(const ir::Module& module) {
  Named values;
  double phase = 0;
  for (const ir::Graph& graph : module.graphs)
    for (std::uint32_t i = 0; i < graph.inputs.size(); ++i)
      if (graph.inputs[i].role == ir::Role::param && !values.contains(graph.input_name(i))) {
        Numbers& numbers = values[graph.input_name(i)];
        phase += 0.7;
        for (std::int64_t k = 0; k < graph.type(graph.inputs[i].value).elements(); ++k)
          numbers.push_back(0.4 * std::sin(phase + 2.3 * double(k)));
      }
  return values;
}

Named run(const ir::Module& module, const std::string& entry, Named inputs, std::int64_t batch) {
  REQUIRE(module.find(entry));
  inputs.merge(params_of(module));
  return evaluate(*module.find(entry), {{"B", batch}}, inputs);
}

Numbers step(int number) { return {7, 0, double(number), 0}; }

}  // namespace weft::test
