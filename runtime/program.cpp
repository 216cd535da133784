// Ports: of a graph, by name, and copies to and from them.
#include "runtime/program.h"

#include "ir/error.h"
#include "ir/text/suggest.h"

namespace weft::runtime {

namespace {

int find_port(const std::vector<Port>& ports, std::string_view name, std::string_view kind) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].name == name) return static_cast<int>(i);
    names.push_back(ports[i].name);
  }
  fail("the program has no {} {}{}", kind, name, did_you_mean(name, names));
}

}  // namespace

int Program::find_input(std::string_view name) const { return find_port(inputs_, name, "input"); }

int Program::find_output(std::string_view name) const { return find_port(outputs_, name, "output"); }

std::vector<Port> input_ports(const ir::Graph& graph) {
  std::vector<Port> ports;
  for (std::uint32_t i = 0; i < graph.inputs.size(); ++i) {
    const ir::Input& input = graph.inputs[i];
    ports.push_back(
        {graph.input_name(i), graph.type(input.value), input.role, input.init, input.slots, input.layout, -1});
  }
  return ports;
}

void Program::add_ports(const ir::Graph& graph) {
  inputs_ = input_ports(graph);
  for (const ir::Output& output : graph.outputs) {
    const int donates = output.donates == ir::kNone ? -1 : int(output.donates);
    outputs_.push_back({output.name, graph.type(output.value), ir::Role::data, {}, {}, {}, donates});
  }
}

namespace {

constexpr const char* kThisProgram = "a compiled program";

}  // namespace

void Program::bind_input(int index, void* memory) {
  const InUse use(busy_, kThisProgram);
  do_bind_input(index, memory);
}

void Program::write_input(int index, const void* from_host) {
  const InUse use(busy_, kThisProgram);
  space_->write(input(index), from_host, inputs_[std::size_t(index)].type.bytes());
}

void Program::read_output(int index, void* to_host) const {
  const InUse use(busy_, kThisProgram);
  space_->read(to_host, output(index), outputs_[std::size_t(index)].type.bytes());
}

void Program::run() {
  const InUse use(busy_, kThisProgram);
  do_run();
}

std::vector<ItemProfile> Program::profile(int runs) {
  const InUse use(busy_, kThisProgram);
  return do_profile(runs);
}

}  // namespace weft::runtime
