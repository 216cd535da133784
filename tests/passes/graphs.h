// Graphs as text, and running them by the names of their inputs and outputs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/reference/reference.h"
#include "ir/text/parse.h"
#include "passes/check_each.h"

namespace weft::test {

inline passes::GraphPtr parse(const std::string& text) {
  return std::make_shared<const ir::Graph>(ir::parse_graph(text, "test"));
}

// The reference interpreter, by name.
inline passes::Values run(const ir::Graph& graph, const passes::Values& inputs) {
  std::vector<reference::Tensor> tensors;
  for (const ir::Input& input : graph.inputs)
    tensors.push_back({graph.type(input.value), inputs.at(graph.values[input.value].name)});
  const std::vector<reference::Tensor> results = reference::run<double>(graph, tensors);
  passes::Values outputs;
  for (std::size_t i = 0; i < results.size(); ++i) outputs[graph.outputs[i].name] = results[i].data;
  return outputs;
}

// loss = g . p, so that the gradient of each step is the data input g.
inline const char* const kLinear = R"(
graph @loss(%g: f32[2], %p: f32[2] {role=param, init=constant(1)}) -> (loss: f32[]) {
  %0 = mul %g, %p : f32[2]
  %1 = reduce_sum %0 {axes=[0]} : f32[1]
  %loss = reshape %1 : f32[]
  return %loss
})";

}  // namespace weft::test
