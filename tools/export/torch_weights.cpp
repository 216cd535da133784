// Finds the modules, and transposes linear weights.
#include "tools/export/torch_weights.h"

#include <map>
#include <set>

#include "ir/error.h"

namespace weft::tools {

namespace {

using ir::OpCode;
using runtime::HostTensor;

constexpr std::string_view kWeight = ".weight", kMean = ".running_mean";

bool is_weight(const ir::Input& input) { return input.role == ir::Role::param || input.role == ir::Role::state; }

// The module that applies the op's second operand as its weight, or "".
std::string module_of(const ir::Op& op) {
  if (op.code == OpCode::matmul) return "Linear";
  if (op.code == OpCode::conv2d) return "Conv2d";
  if (op.code == OpCode::conv_transpose2d) return "ConvTranspose2d";
  return "";
}

// Modules, by the prefix before ".weight" or ".running_mean", and the weights to transpose.
struct Modules {
  std::map<std::string, std::string> by_prefix;
  std::set<std::string> turned;

  void find(const ir::Graph& graph) {
    for (const ir::Input& input : graph.inputs) {
      const std::string& name = graph.values[input.value].name;
      if (is_weight(input) && name.ends_with(kMean))
        by_prefix[name.substr(0, name.size() - kMean.size())] = "BatchNorm";
    }
    for (const ir::Op& op : graph.ops) {
      const std::string module = module_of(op);
      if (module.empty()) continue;
      const ir::Value& weight = graph.values[op.operands[1]];
      if (weight.op != ir::kNone || !weight.name.ends_with(kWeight)) continue;
      by_prefix[weight.name.substr(0, weight.name.size() - kWeight.size())] = module;
      if (op.code == OpCode::matmul && op.attrs.integer(ir::Attr::transpose_b) == 0) turned.insert(weight.name);
    }
  }

  std::string of(const std::string& name) const {
    const auto found = by_prefix.find(name.substr(0, name.rfind('.')));
    return found == by_prefix.end() ? "" : found->second;
  }
};

HostTensor transposed(const HostTensor& matrix) {
  const std::int64_t rows = matrix.shape.at(0), columns = matrix.shape.at(1);
  HostTensor result = HostTensor::zeros(matrix.dtype, {columns, rows});
  const auto from = matrix.as<float>();
  const auto to = result.as<float>();
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j)
      to[static_cast<std::size_t>(j * rows + i)] = from[static_cast<std::size_t>(i * columns + j)];
  return result;
}

}  // namespace

TorchWeights torch_weights(const ir::Module& module, const runtime::NamedTensors& tensors) {
  Modules modules;
  std::set<std::string> names;
  for (const ir::Graph& graph : module.graphs) {
    modules.find(graph);
    for (std::uint32_t i = 0; i < graph.inputs.size(); ++i)
      if (is_weight(graph.inputs[i])) names.insert(graph.input_name(i));
  }
  TorchWeights result;
  for (const std::string& name : names) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) fail("weight {} of model {} is missing", name, module.name);
    const bool turn = modules.turned.count(name) != 0;
    result.list.push_back({name, modules.of(name), turn});
    result.tensors.emplace(name, turn ? transposed(found->second) : found->second);
  }
  return result;
}

}  // namespace weft::tools
