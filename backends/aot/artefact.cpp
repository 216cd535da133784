// Names, ports and the hash.
#include "backends/aot/artefact.h"

#include <algorithm>
#include <cctype>

namespace weft::aot {

const ir::Graph& Program::graph() const {
  return std::visit([](const auto& program) -> const ir::Graph& { return *program.graph; }, compiled);
}

const Schedule& Program::schedule() const {
  return std::visit([](const auto& program) -> const Schedule& { return *program.schedule; }, compiled);
}

std::size_t Program::codes() const { return is_on_gpu() ? std::get<CudaProgram>(compiled).cubins.size() : 0; }

std::size_t Artefact::scratch_bytes() const {
  std::size_t most = 0;
  for (const Entry& entry : entries)
    for (const Program& program : entry.programs) most = std::max(most, program.schedule().arena_bytes());
  return most;
}

bool is_identifier(const std::string& text) {
  const auto is_part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  return !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) == 0 && std::ranges::all_of(text, is_part);
}

std::string identifier(const std::string& text) {
  std::string result = text;
  for (char& c : result)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  if (result.empty() || std::isdigit(static_cast<unsigned char>(result[0])) != 0) result.insert(0, "_");
  return result;
}

std::vector<std::uint32_t> data_inputs(const ir::Graph& graph) {
  std::vector<std::uint32_t> indices;
  for (std::uint32_t i = 0; i < graph.inputs.size(); ++i)
    if (graph.inputs[i].role == ir::Role::data) indices.push_back(i);
  return indices;
}

std::vector<std::uint32_t> data_outputs(const ir::Graph& graph) {
  std::vector<std::uint32_t> indices;
  for (std::uint32_t i = 0; i < graph.outputs.size(); ++i)
    if (graph.outputs[i].donates == ir::kNone) indices.push_back(i);
  return indices;
}

}  // namespace weft::aot
