// NAME.h: the common interface of artefacts (runtime/artefact/interface.h.in), the sizes of this one, and a typed
// function per entry.
#include <fmt/ranges.h>

#include <cctype>

#include "backends/aot/artefact.h"
#include "backends/aot/c_text.h"
#include "ir/visible.h"
#include "runtime/artefact/sources.h"

namespace weft::aot {

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

// A port: the parameter of a function, its description in a comment, and its macros: the numbers per row, MACRO, and
// the bytes per batch, MACRO_BYTES(batch). Every symbol of a dim is the batch.
struct Parameter {
  std::string name, declaration, words, macro, definitions;
};

Parameter parameter(const std::string& prefix, const std::string& name, const ir::Type& type, bool is_input) {
  const std::string word = identifier(name), macro = upper(prefix + "_" + word);
  std::int64_t numbers = 1;
  std::string batches;
  for (const ir::Dim& dim : type.dims) {
    numbers *= dim.factor;
    if (!dim.is_number()) batches += "(size_t)(batch) * ";
  }
  return {word, fmt::format("{}{}* {}", is_input ? "const " : "", c_type(type.dtype), word),
          fmt::format("{} {}", word, ir::to_string(type)), macro,
          fmt::format("#define {0} {1}\n#define {0}_BYTES(batch) ({2}{0} * sizeof({3}))\n", macro, numbers, batches,
                      c_type(type.dtype))};
}

// `const void* inputs[] = {x};` and the bytes of each.
std::string arrays(const char* type, const char* what, const std::vector<Parameter>& parameters) {
  if (parameters.empty()) return fmt::format("  {}* {}s = 0;\n  const size_t* {}_bytes = 0;\n", type, what, what);
  std::vector<std::string> names, bytes;
  for (const Parameter& each : parameters) {
    names.push_back(each.name);
    bytes.push_back(each.macro + "_BYTES(batch)");
  }
  return fmt::format("  {} {}s[] = {{{}}};\n  const size_t {}_bytes[] = {{{}}};\n", type, what, fmt::join(names, ", "),
                     what, fmt::join(bytes, ", "));
}

template <typename Member>
std::vector<std::string> each(const std::vector<Parameter>& parameters, Member member) {
  std::vector<std::string> texts;
  for (const Parameter& parameter : parameters) texts.push_back(parameter.*member);
  return texts;
}

std::string entry_text(const std::string& name, const Entry& entry) {
  const ir::Graph& graph = *entry.graph;
  const std::string prefix = name + "_" + identifier(entry.name);
  std::vector<Parameter> inputs, outputs;
  for (const std::uint32_t i : data_inputs(graph))
    inputs.push_back(parameter(prefix, graph.input_name(i), graph.type(graph.inputs[i].value), true));
  for (const std::uint32_t i : data_outputs(graph))
    outputs.push_back(parameter(prefix, graph.outputs[i].name, graph.type(graph.outputs[i].value), false));
  std::vector<Parameter> all = inputs;
  all.insert(all.end(), outputs.begin(), outputs.end());
  std::vector<std::int64_t> batches;
  for (const Program& program : entry.programs) batches.push_back(program.batch);
  std::string text =
      fmt::format("/* {}{}: batches {}.\n * From {} to {}. */\n", comment_text(entry.name),
                  entry.trains ? ", one step of training" : "", fmt::join(batches, ", "),
                  fmt::join(each(inputs, &Parameter::words), ", "), fmt::join(each(outputs, &Parameter::words), ", "));
  for (const Parameter& port : all) text += port.definitions;
  text += fmt::format("static inline int {}({}* model, int64_t batch, {}) {{\n", prefix, name,
                      fmt::join(each(all, &Parameter::declaration), ", "));
  text += arrays("const void*", "input", inputs) + arrays("void*", "output", outputs);
  return text + fmt::format("  return {}_run(model, {}, batch, inputs, input_bytes, outputs, output_bytes);\n}}\n",
                            name, c_string(entry.name));
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
  for (const Entry& entry : artefact.entries)
    entries += (entries.empty() ? "" : "\n") + entry_text(artefact.name, entry);
  text = replaced(text, "@CONSTANTS@", constants_text(artefact));
  text = replaced(text, "@ENTRIES@", entries);
  text = replaced(text, "@UPPER@", upper(artefact.name));
  return replaced(text, "@NAME@", artefact.name);
}

}  // namespace weft::aot
