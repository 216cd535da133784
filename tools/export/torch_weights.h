// Weights with the names and shapes of PyTorch's modules.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"
#include "runtime/safetensors.h"

namespace weft::tools {

// A tensor of a state dict, and the kind of its module: Linear, Conv2d, ConvTranspose2d, BatchNorm, or "" if no op of
// the model tells.
struct TorchTensor {
  std::string name;
  std::string module;
  bool transposed = false;  // relative to the model: a Linear weight is [out,in] in PyTorch and [in,out] here
};

struct TorchWeights {
  std::vector<TorchTensor> list;  // by name
  runtime::NamedTensors tensors;
};

// Converts the params and states of a model's entries before any pass; ignores other `tensors`, such as those of an
// optimizer. The ops that use a weight decide its kind of module.
TorchWeights torch_weights(const ir::Module& module, const runtime::NamedTensors& tensors);

}  // namespace weft::tools
