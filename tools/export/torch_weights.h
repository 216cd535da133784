// Weights under the names and in the shapes that PyTorch's modules give them.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"
#include "runtime/safetensors.h"

namespace weft::tools {

// A tensor of a state dict, and the kind of module that holds it: Linear, Conv2d, ConvTranspose2d, BatchNorm, or ""
// where no op of the model says.
struct TorchTensor {
  std::string name;
  std::string module;
  bool transposed = false;  // against the model's own: the weight of a Linear is [out,in] there and [in,out] here
};

struct TorchWeights {
  std::vector<TorchTensor> list;  // by name
  runtime::NamedTensors tensors;
};

// Of the params and states of a model's entries as they are written, before any pass; of `tensors` others, such as an
// optimizer's, are left out. Which weight belongs to which kind of module is read off the ops that use it.
TorchWeights torch_weights(const ir::Module& module, const runtime::NamedTensors& tensors);

}  // namespace weft::tools
