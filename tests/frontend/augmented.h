// Pictures through an augmentation, by the reference interpreter.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <functional>

#include "frontend/weft.h"
#include "tests/support/evaluate.h"

namespace weft::test {

// Distinct pixels in [0, 1).
inline Numbers picture(std::int64_t count) {
  Numbers numbers;
  for (std::int64_t i = 0; i < count; ++i) numbers.push_back(double(i * 37 % 97) / 97);
  return numbers;
}

inline std::int64_t count(const Dims& dims) {
  std::int64_t result = 1;
  for (const Dim& dim : dims) result *= ir::number(dim);
  return result;
}

using Change = std::function<Tensor(Tensor)>;

inline Numbers changed(const Dims& dims, const Numbers& x, const Change& change, double seed = 1, double step = 0) {
  Numbers rng = {seed, 0, step, 0};
  const ir::Graph graph =
      graph_of(Mode::train, [&](Entry& entry) { entry.output("y", change(entry.input("x", dims))); });
  Named inputs = {{"x", x}};
  if (graph.find_input("rng") != ir::kNone) inputs["rng"] = rng;
  return evaluate(graph, {}, inputs).at("y");
}

inline void check_close(const Numbers& actual, const Numbers& expected, double tolerance = 1e-12) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(actual[i] - expected[i]) <= tolerance);
  }
}

inline double mean_of(const Numbers& numbers) {
  double total = 0;
  for (const double each : numbers) total += each;
  return total / double(numbers.size());
}

inline Tensor turns_of(const Numbers& turns) { return constant(turns, {std::int64_t(turns.size())}, DType::i32); }

}  // namespace weft::test
