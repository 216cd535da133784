// Steps and ports.
#include "backends/aot/program_text.h"

namespace weft::aot {

std::string ProgramText::finish() {
  add_list("weft_step", "steps", steps_);
  add_ports();
  return std::move(text_);
}

std::string ProgramText::name(const std::string& part) const {
  return fmt::format("{}s{}_{}", prefix_, steps_.size(), part);
}

void ProgramText::what(const std::string& type, const std::string& value) {
  add(fmt::format("static const {} {} = {};\n", type, name("what"), value));
}

void ProgramText::add_ports() {
  std::vector<std::string> inputs, outputs;
  for (std::uint32_t i = 0; i < graph_.inputs.size(); ++i)
    inputs.push_back(port_text(graph_.input_name(i), graph_.inputs[i]));
  for (const ir::Output& output : graph_.outputs) {
    const std::string type = type_text(graph_.type(output.value));
    outputs.push_back(output.donates == ir::kNone ? fmt::format("{{{}, {}, WEFT_DATA, 0}}", c_string(output.name), type)
                                                  : port_text(output.name, graph_.inputs[output.donates]));
  }
  add_list("weft_port", "inputs", inputs);
  add_list("weft_port", "outputs", outputs);
}

std::string ProgramText::port_text(const std::string& port, const ir::Input& input) const {
  const std::string& input_name = graph_.values[input.value].name;
  std::size_t offset = 0;
  if (input.role == ir::Role::param || input.role == ir::Role::state) offset = artefact_.offsets.at(input_name);
  if (input.role == ir::Role::hyper)
    while (artefact_.hypers.at(offset).first != input_name) ++offset;
  return fmt::format("{{{}, {}, {}, {}}}", c_string(port), type_text(graph_.type(input.value)), role_name(input.role),
                     offset);
}

void ProgramText::add_list(const std::string& type, const std::string& part, const std::vector<std::string>& rows) {
  if (!rows.empty())
    text_ += fmt::format("static const {} {}{}[] = {{\n    {}}};\n", type, prefix_, part, fmt::join(rows, ",\n    "));
}

std::string convolution_text(const ir::ConvolutionShape& shape, const std::string& weights_layout, bool bias,
                             const std::string& activation, bool winograd) {
  return fmt::format("{{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}}", int(shape.direction), braces(shape.x),
                     braces(shape.w), braces(shape.y), braces(shape.stride), braces(shape.padding),
                     braces(shape.dilation), shape.groups, int(shape.channels_last), c_string(weights_layout),
                     int(bias), c_string(activation), int(winograd));
}

}  // namespace weft::aot
