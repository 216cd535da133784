// Checks, splits and joins the rows of an entry's inputs and outputs.
#include "training/batching.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ir/error.h"
#include "ir/text/suggest.h"

namespace weft::training {

using ir::Role;
using runtime::HostTensor;
using runtime::NamedTensors;
using runtime::Port;
using runtime::Program;

namespace {

bool is_per_sample(const ir::Type& type) { return !type.dims.empty() && !type.dims.front().is_number(); }

}  // namespace

std::int64_t rows_of(const ir::Graph& graph, const NamedTensors& inputs) {
  std::vector<std::string> names;
  std::optional<std::int64_t> rows;
  for (const ir::Input& input : graph.inputs) {
    if (input.role != Role::data) continue;
    const ir::Value& value = graph.values[input.value];
    names.push_back(value.name);
    const auto found = inputs.find(value.name);
    if (found == inputs.end()) fail("entry @{} needs {} {}", graph.name, value.name, to_string(value.type));
    const HostTensor& given = found->second;
    ir::Type type = value.type;
    if (is_per_sample(type) && !given.shape.empty()) {
      if (!rows) rows = given.shape.front();
      type.dims.front() = ir::Dim(*rows);
    }
    if (!type.is_static() || type.dtype != given.dtype || ir::numbers(type.dims) != given.shape)
      fail("entry @{}: {} is {}, but {} was given", graph.name, value.name, to_string(value.type), to_string(given));
  }
  for (const auto& [name, tensor] : inputs)
    if (std::ranges::find(names, name) == names.end())
      fail("entry @{} has no input {}{}", graph.name, name, did_you_mean(name, names));
  if (!rows || *rows == 0) fail("entry @{}: no rows were given", graph.name);
  return *rows;
}

void write_rows(Program& program, const ir::Graph& graph, const NamedTensors& inputs, std::int64_t begin) {
  for (std::size_t i = 0; i < program.inputs().size(); ++i) {
    const Port& port = program.inputs()[i];
    if (port.role != Role::data) continue;
    const HostTensor& given = inputs.at(port.name);
    const bool per_sample = is_per_sample(graph.type(graph.inputs[graph.find_input(port.name)].value));
    const std::size_t row_bytes = per_sample ? given.bytes.size() / static_cast<std::size_t>(given.shape.front()) : 0;
    program.write_input(static_cast<int>(i), given.bytes.data() + static_cast<std::size_t>(begin) * row_bytes);
  }
}

void RowCollector::take(const ir::Graph& graph, const Program& program, std::int64_t begin, std::int64_t rows) {
  for (const ir::Output& output : graph.outputs) {
    if (output.donates != ir::kNone || !is_per_sample(graph.type(output.value))) continue;
    const int port = program.find_output(output.name);
    copy_rows(tensor_for(program.outputs()[static_cast<std::size_t>(port)], rows), program, port, begin, rows);
  }
}

NamedTensors RowCollector::finish(std::string_view entry) {
  if (tensors_.empty()) fail("entry @{} has no output with a row for each sample", entry);
  return std::move(tensors_);
}

HostTensor& RowCollector::tensor_for(const Port& port, std::int64_t rows) {
  const auto [place, added] = tensors_.try_emplace(port.name);
  if (added) {
    std::vector<std::int64_t> shape = ir::numbers(port.type.dims);
    shape.front() = shape.front() / rows * rows_;  // an output may hold several rows per sample
    place->second = HostTensor::zeros(port.type.dtype, std::move(shape));
  }
  return place->second;
}

void RowCollector::copy_rows(HostTensor& tensor, const Program& program, int port, std::int64_t begin,
                             std::int64_t rows) const {
  const std::size_t row_bytes = tensor.bytes.size() / static_cast<std::size_t>(rows_);
  program.space()->read(tensor.bytes.data() + static_cast<std::size_t>(begin) * row_bytes, program.output(port),
                        static_cast<std::size_t>(rows) * row_bytes);
}

}  // namespace weft::training
