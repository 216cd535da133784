// Writes the tables of runtime/artefact/tables.h as C: first those of each program, then the artefact's.
#include "backends/aot/artefact.h"
#include "backends/aot/c_text.h"
#include "backends/aot/program_text.h"
#include "ir/visible.h"

namespace weft::aot {

namespace {

std::string tensors_text(const Artefact& artefact) {
  std::vector<weft_tensor> tables;
  for (const Tensor& tensor : artefact.tensors)
    tables.push_back({tensor.name.c_str(), runtime::table_of(tensor.type), weft_role(tensor.role),
                      int(tensor.of_optimizer), tensor.offset, runtime::layout_table(tensor.layout),
                      weft_init_kind(tensor.init.kind), tensor.init.a, tensor.init.b});
  return list_text("weft_tensor", "the_tensors", tables);
}

std::string hypers_text(const Artefact& artefact) {
  std::vector<weft_hyper> tables;
  for (const auto& [name, value] : artefact.hypers) tables.push_back({name.c_str(), value});
  return list_text("weft_hyper", "the_hypers", tables);
}

// The weft_program of an entry at one batch.
std::string row_of(const Entry& entry, const Program& program, const std::string& prefix) {
  const ir::Graph& graph = program.graph();
  const std::size_t steps = program.schedule().steps().size(), codes = program.codes();
  return fmt::format("    {{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}},\n", c_string(entry.name),
                     program.batch, list_or_null(graph.inputs.empty(), prefix + "inputs"), graph.inputs.size(),
                     prefix + "outputs", graph.outputs.size(), list_or_null(steps == 0, prefix + "steps"), steps,
                     program.schedule().arena_bytes(), int(entry.trains),
                     program.is_on_gpu() ? prefix + "source" : "\"\"", list_or_null(codes == 0, prefix + "codes"),
                     codes);
}

}  // namespace

std::string program_prefix(const Artefact& artefact, int number) {
  return fmt::format("{}_p{}_", artefact.name, number);
}

std::string tables_text(const Artefact& artefact, const std::string& folder) {
  std::string text = "#define WEFT_KERNEL __attribute__((visibility(\"hidden\"))) extern\n", programs;
  int count = 0;
  for (const Entry& entry : artefact.entries)
    for (const Program& program : entry.programs) {
      const std::string prefix = program_prefix(artefact, count++);
      text += fmt::format("\n/* {} at batch {} */\n", comment_text(entry.name), program.batch);
      text += program_text(artefact, program, prefix, folder);
      programs += row_of(entry, program, prefix);
    }
  text += "\nstatic const weft_program the_programs[] = {\n" + programs + "};\n";
  text += tensors_text(artefact) + hypers_text(artefact);
  const std::string symbol = artefact.name + "_embedded_weights";
  if (!artefact.weights.empty()) text += embedded_text(symbol, folder + "/weights");
  std::vector<std::string> features;
  for (const std::string& feature : artefact.features) features.push_back(c_string(feature));
  features.emplace_back("0");
  text += fmt::format("static const char* const the_features[] = {};\n", braces(features));
  text += fmt::format("static const char the_manifest[] =\n    {};\n", c_string(manifest_text(artefact)));
  text += fmt::format(
      "static const weft_artefact the_artefact = {{\n"
      "    WEFT_TABLES_VERSION, {}, {}, {}, {}, {}, the_manifest, {:#x}ull, {}, the_features,\n"
      "    {}, {}, {}, {}, {}, {}, the_programs, {}, {}}};\n",
      c_string(WEFT_VERSION), c_string(artefact.name), c_string(artefact.model), c_string(artefact.settings),
      c_string(artefact.optimizer), interface_hash(artefact), c_string(artefact.cpu),
      list_or_null(artefact.tensors.empty(), "the_tensors"), artefact.tensors.size(), artefact.params_bytes,
      artefact.state_bytes, list_or_null(artefact.hypers.empty(), "the_hypers"), artefact.hypers.size(), count,
      list_or_null(artefact.weights.empty(), symbol));
  return text;
}

}  // namespace weft::aot
