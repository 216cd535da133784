// Kernels, then steps, then ports.
#include "backends/aot/program_text.h"

#include "backends/aot/c_text.h"

namespace weft::aot {

namespace {

// Tables of kernels of the object file.
std::string kernels_text(const CpuProgram& program, const std::string& prefix, KernelNames& names) {
  std::string text;
  for (std::size_t i = 0; i < program.kernels.size(); ++i) {
    const cpu::KernelFacts& kernel = program.kernels[i];
    const std::string table = fmt::format("{}k{}", prefix, i), finish = kernel.name + "_finish";
    names[program.schedule->kernel(i)] = table;
    text += fmt::format("WEFT_KERNEL void {}(void* const*, void*, int64_t, int64_t);\n", kernel.name);
    if (kernel.has_finish) text += fmt::format("WEFT_KERNEL void {}(void* const*, void*);\n", finish);
    text +=
        fmt::format("static const weft_kernel {} = {{{}, {}, {}, {}, {}, {:.17g}}};\n", table, c_string(kernel.name),
                    kernel.name, kernel.has_finish ? finish : "0", kernel.chunks, kernel.scratch_bytes, kernel.work_ns);
  }
  return text;
}

std::string steps_text(const std::vector<weft_step>& steps, const std::string& prefix, const KernelNames& kernels) {
  std::string text;
  std::vector<std::string> rows;
  for (const weft_step& step : steps) {
    const std::string part = fmt::format("{}s{}_", prefix, rows.size());
    Initialiser values(text, part, kernels);
    runtime::visit_table(step, [&](const auto& table) {
      const std::string value = values.of(table);
      text += fmt::format("static const weft_{}_step {}what = {};\n", runtime::name(step.kind), part, value);
    });
    values.list("weft_address", "at", step.addresses, step.address_count);
    rows.push_back(fmt::format("{{{}, {}, {}at, {}, {}, {}, &{}what}}", int(step.kind), c_string(step.name), part,
                               step.address_count, step.scratch_offset, step.scratch_bytes, part));
  }
  return text + list_text("weft_step", prefix + "steps", rows);
}

// Where the model keeps the tensor or number of an input.
std::size_t offset_of(const Artefact& artefact, const ir::Graph& graph, const ir::Input& input) {
  const std::string& name = graph.values[input.value].name;
  std::size_t offset = 0;
  if (input.role == ir::Role::param || input.role == ir::Role::state) offset = artefact.offsets.at(name);
  if (input.role == ir::Role::hyper)
    while (artefact.hypers.at(offset).first != name) ++offset;
  return offset;
}

std::string ports_text(const Artefact& artefact, const ir::Graph& graph, const weft_program& program,
                       const std::string& prefix) {
  std::vector<weft_port> inputs(program.inputs, program.inputs + program.input_count),
      outputs(program.outputs, program.outputs + program.output_count);
  for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i].offset = offset_of(artefact, graph, graph.inputs[i]);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    if (graph.outputs[i].donates != ir::kNone) outputs[i].offset = inputs[graph.outputs[i].donates].offset;
  return list_text("weft_port", prefix + "inputs", inputs) + list_text("weft_port", prefix + "outputs", outputs);
}

std::string code_text(const CudaProgram& program, const std::string& prefix, const std::string& folder) {
  std::string text =
      fmt::format("static const char {}source[] =\n    {};\n", prefix, c_string(program.schedule->source()));
  std::vector<std::string> codes;
  for (const Cubin& cubin : program.cubins) {
    const std::string symbol = prefix + cubin.architecture;
    text += embedded_text(symbol, folder + "/" + symbol);
    codes.push_back(fmt::format("{{{}, {}}}", c_string(cubin.architecture), symbol));
  }
  return text + list_text("weft_code", prefix + "codes", codes);
}

}  // namespace

std::string program_text(const Artefact& artefact, const Program& program, const std::string& prefix,
                         const std::string& folder) {
  KernelNames kernels;
  std::string text;
  if (const auto* on_cpu = std::get_if<CpuProgram>(&program.compiled)) text = kernels_text(*on_cpu, prefix, kernels);
  const Schedule& schedule = program.schedule();
  text += steps_text(schedule.steps(), prefix, kernels);
  text += ports_text(artefact, program.graph(), schedule.program(), prefix);
  if (program.is_on_gpu()) text += code_text(std::get<CudaProgram>(program.compiled), prefix, folder);
  return text;
}

}  // namespace weft::aot
