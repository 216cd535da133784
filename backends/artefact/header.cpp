// NAME.h: the interface that every artefact has (runtime/artefact/interface.h.in), the sizes of this one, and a typed
// function for each of its entries.
#include <fmt/ranges.h>

#include <cctype>

#include "backends/artefact/artefact.h"
#include "runtime/artefact/sources.h"

namespace weft::artefact {

namespace {

std::string upper(std::string text) {
  for (char& c : text) c = char(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

std::string_view c_type(ir::DType dtype) {
  switch (dtype) {
    case ir::DType::f32:
      return "float";
    case ir::DType::bf16:
    case ir::DType::f16:
      return "uint16_t";
    case ir::DType::i32:
      return "int32_t";
    case ir::DType::u8:
    case ir::DType::boolean:
      return "uint8_t";
  }
  return "";
}

// Every symbol of a dim is the batch.
std::string bytes_of(const ir::Type& type) {
  std::string text;
  std::int64_t numbers = 1;
  for (const ir::Dim& dim : type.dims) {
    numbers *= dim.factor;
    if (!dim.is_number()) text += "(size_t)batch * ";
  }
  return fmt::format("{}{} * sizeof({})", text, numbers, c_type(type.dtype));
}

// A port as a parameter, and in the words of a comment.
struct Parameter {
  std::string name, declaration, bytes, words;
};

Parameter parameter(const std::string& name, const ir::Type& type, bool is_input) {
  const std::string word = identifier(name);
  return {word, fmt::format("{}{}* {}", is_input ? "const " : "", c_type(type.dtype), word), bytes_of(type),
          fmt::format("{} {}", word, ir::to_string(type))};
}

struct Side {
  std::vector<std::string> names, declarations, bytes, words;
  void add(const Parameter& parameter) {
    names.push_back(parameter.name);
    declarations.push_back(parameter.declaration);
    bytes.push_back(parameter.bytes);
    words.push_back(parameter.words);
  }
};

// `const void* inputs[] = {x};` and the bytes of each.
std::string arrays(const char* type, const char* what, const Side& side) {
  if (side.names.empty()) return fmt::format("  {}* {}s = 0;\n  const size_t* {}_bytes = 0;\n", type, what, what);
  return fmt::format("  {} {}s[] = {{{}}};\n  const size_t {}_bytes[] = {{{}}};\n", type, what,
                     fmt::join(side.names, ", "), what, fmt::join(side.bytes, ", "));
}

std::string entry_text(const std::string& name, const Entry& entry) {
  const ir::Graph& graph = *entry.graph;
  Side inputs, outputs;
  for (const std::uint32_t i : data_inputs(graph))
    inputs.add(parameter(graph.input_name(i), graph.type(graph.inputs[i].value), true));
  for (const std::uint32_t i : data_outputs(graph))
    outputs.add(parameter(graph.outputs[i].name, graph.type(graph.outputs[i].value), false));
  std::vector<std::int64_t> batches;
  for (const Program& program : entry.programs) batches.push_back(program.batch);
  std::vector<std::string> declarations = inputs.declarations;
  declarations.insert(declarations.end(), outputs.declarations.begin(), outputs.declarations.end());
  std::string text = fmt::format("/* {}{}: batches {}.\n * From {} to {}. */\n", entry.name,
                                 entry.trains ? ", one step of training" : "", fmt::join(batches, ", "),
                                 fmt::join(inputs.words, ", "), fmt::join(outputs.words, ", "));
  text += fmt::format("static inline int {0}_{1}({0}* model, int64_t batch, {2}) {{\n", name, identifier(entry.name),
                      fmt::join(declarations, ", "));
  text += arrays("const void*", "input", inputs) + arrays("void*", "output", outputs);
  return text + fmt::format("  return {}_run(model, \"{}\", batch, inputs, input_bytes, outputs, output_bytes);\n}}\n",
                            name, entry.name);
}

std::string constants_text(const Artefact& artefact) {
  const std::string prefix = upper(artefact.name);
  std::string text = "/* Bytes of the regions of a model. */\n";
  text += fmt::format("#define {0}_PARAMS_BYTES {1}\n#define {0}_STATE_BYTES {2}\n#define {0}_SCRATCH_BYTES {3}\n",
                      prefix, artefact.params_bytes, artefact.state_bytes, artefact.scratch_bytes());
  text += "/* Where each tensor lies in its region, in bytes. */\n";
  for (const Tensor& tensor : artefact.tensors)
    text += fmt::format("#define {}_AT_{} {} /* {}{}{} */\n", prefix, identifier(tensor.name), tensor.offset,
                        ir::to_string(tensor.type), tensor.role == ir::Role::state ? ", state" : "",
                        tensor.layout.empty() ? "" : ", as " + tensor.layout);
  return text + fmt::format("/* What this header was made for. */\n#define {}_HASH UINT64_C({:#x})\n", prefix,
                            interface_hash(artefact));
}

}  // namespace

std::string header_text(const Artefact& artefact) {
  std::string text(runtime::artefact_interface());
  std::string entries;
  for (const Entry& entry : artefact.entries) entries += "\n" + entry_text(artefact.name, entry);
  text = replaced(text, "@CONSTANTS@", constants_text(artefact));
  text = replaced(text, "@ENTRIES@", entries);
  text = replaced(text, "@UPPER@", upper(artefact.name));
  return replaced(text, "@NAME@", artefact.name);
}

}  // namespace weft::artefact
