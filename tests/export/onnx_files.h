// ONNX files in memory, for tests.
#pragma once

#include <string>

#include "backends/onnx/export.h"
#include "ir/error.h"
#include "runtime/host_tensor.h"

namespace weft::test {

// Zeros for every param and state of the graph.
inline runtime::NamedTensors weights_of(const ir::Graph& graph) {
  runtime::NamedTensors weights;
  for (const ir::Input& input : graph.inputs)
    if (input.role == ir::Role::param || input.role == ir::Role::state)
      weights.emplace(
          graph.values[input.value].name,
          runtime::HostTensor::zeros(graph.type(input.value).dtype, ir::numbers(graph.type(input.value).dims)));
  return weights;
}

inline std::string file_of(const ir::GraphPtr& entry, const onnx::ExportOptions& options = {}) {
  return onnx::serialize(onnx::to_onnx(entry, weights_of(*entry), options));
}

// The message of the Error that the export throws, or "".
inline std::string error_of(const ir::GraphPtr& entry, const onnx::ExportOptions& options = {}) {
  try {
    file_of(entry, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace weft::test
