// Converts named values to and from the reference interpreter.
#include "backends/oracle.h"

#include "backends/reference/reference.h"
#include "ir/error.h"

namespace weft {

passes::Values run_oracle(const ir::Graph& graph, const passes::Values& inputs) {
  std::vector<reference::Tensor> tensors;
  for (std::uint32_t i = 0; i < graph.inputs.size(); ++i) {
    const auto given = inputs.find(graph.input_name(i));
    if (given == inputs.end()) fail("graph @{} needs an input {}", graph.name, graph.input_name(i));
    tensors.push_back({graph.type(graph.inputs[i].value), given->second});
  }
  const std::vector<reference::Tensor> results = reference::run<double>(graph, tensors);
  passes::Values outputs;
  for (std::size_t i = 0; i < results.size(); ++i) outputs[graph.outputs[i].name] = results[i].data;
  return outputs;
}

}  // namespace weft
