// NAME.json: describes an artefact to programs that read it before loading it.
#include <nlohmann/json.hpp>

#include "backends/aot/artefact.h"
#include "ir/hash.h"
#include "runtime/artefact/tables.h"

namespace weft::aot {

namespace {

using nlohmann::ordered_json;

// Dims as multiples of the batch: [64, 784] as ["B", 784].
ordered_json shape_json(const ir::Type& type) {
  ordered_json shape = ordered_json::array();
  for (const ir::Dim& dim : type.dims) {
    if (dim.is_number())
      shape.push_back(dim.factor);
    else
      shape.push_back(ir::to_string(dim));
  }
  return shape;
}

ordered_json port_json(const std::string& name, const ir::Type& type) {
  return {{"name", name}, {"dtype", std::string(ir::name(type.dtype))}, {"shape", shape_json(type)}};
}

ordered_json entry_json(const Entry& entry) {
  ordered_json json;
  json["name"] = entry.name;
  json["trains"] = entry.trains;
  json["batches"] = ordered_json::array();
  for (const Program& program : entry.programs) json["batches"].push_back(program.batch);
  const ir::Graph& graph = *entry.graph;
  json["inputs"] = ordered_json::array();
  for (const std::uint32_t i : data_inputs(graph))
    json["inputs"].push_back(port_json(graph.input_name(i), graph.type(graph.inputs[i].value)));
  json["outputs"] = ordered_json::array();
  for (const std::uint32_t i : data_outputs(graph))
    json["outputs"].push_back(port_json(graph.outputs[i].name, graph.type(graph.outputs[i].value)));
  return json;
}

ordered_json tensor_json(const Tensor& tensor) {
  ordered_json json = port_json(tensor.name, tensor.type);
  json["region"] = tensor.role == ir::Role::param ? "params" : "state";
  json["offset"] = tensor.offset;
  if (!tensor.layout.empty()) json["layout"] = tensor.layout;
  if (tensor.of_optimizer) json["of_optimizer"] = true;
  return json;
}

}  // namespace

std::string manifest_text(const Artefact& artefact) {
  ordered_json json;
  json["weft"] = WEFT_VERSION;
  json["tables_version"] = WEFT_TABLES_VERSION;
  json["name"] = artefact.name;
  json["model"] = artefact.model;
  if (!artefact.settings.empty()) json["settings"] = artefact.settings;
  json["cpu"] = artefact.cpu;
  json["features"] = artefact.features;
  if (!artefact.architectures.empty()) json["architectures"] = artefact.architectures;
  json["regions"] = {
      {"params", artefact.params_bytes}, {"state", artefact.state_bytes}, {"scratch", artefact.scratch_bytes()}};
  json["entries"] = ordered_json::array();
  for (const Entry& entry : artefact.entries) json["entries"].push_back(entry_json(entry));
  json["hypers"] = ordered_json::object();
  for (const auto& [name, value] : artefact.hypers) json["hypers"][name] = value;
  json["tensors"] = ordered_json::array();
  for (const Tensor& tensor : artefact.tensors) json["tensors"].push_back(tensor_json(tensor));
  // The file of the weights, beside this one; null if they are embedded or do not exist yet.
  json["weights"] = artefact.weights_file.empty() ? ordered_json(nullptr) : ordered_json(artefact.weights_file);
  return json.dump(2) + "\n";
}

std::uint64_t interface_hash(const Artefact& artefact) {
  ordered_json json = ordered_json::parse(manifest_text(artefact));
  json.erase("weights");
  return fnv1a(json.dump());
}

}  // namespace weft::aot
