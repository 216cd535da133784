// The tables of runtime/artefact/tables.h as C: each program's kernels, steps and ports, then the whole.
#include <fmt/ranges.h>

#include <variant>

#include "backends/artefact/artefact.h"
#include "ir/error.h"
#include "ir/memory_layout.h"

namespace weft::artefact {

namespace {

using cpu::Address;
using cpu::Step;

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '\n')
      result += "\\n\"\n    \"";
    else if (c == '"' || c == '\\')
      result += {'\\', c};
    else
      result += c;
  }
  return result + "\"";
}

std::string_view dtype_name(ir::DType dtype) {
  switch (dtype) {
    case ir::DType::f32:
      return "WEFT_F32";
    case ir::DType::bf16:
      return "WEFT_BF16";
    case ir::DType::f16:
      return "WEFT_F16";
    case ir::DType::i32:
      return "WEFT_I32";
    case ir::DType::u8:
      return "WEFT_U8";
    case ir::DType::boolean:
      return "WEFT_BOOL";
  }
  return "";
}

std::string_view role_name(ir::Role role) {
  switch (role) {
    case ir::Role::data:
      return "WEFT_DATA";
    case ir::Role::param:
      return "WEFT_PARAM";
    case ir::Role::state:
      return "WEFT_STATE";
    case ir::Role::rng:
      return "WEFT_RNG";
    case ir::Role::hyper:
      return "WEFT_HYPER";
  }
  return "";
}

template <typename List>
std::string braces(const List& list) {
  return fmt::format("{{{}}}", fmt::join(list, ", "));
}

std::string type_text(ir::DType dtype, const std::vector<std::int64_t>& dims) {
  std::size_t bytes = ir::size_of(dtype);
  for (const std::int64_t dim : dims) bytes *= std::size_t(dim);
  return fmt::format("{{{}, {}, {}, {}}}", dtype_name(dtype), dims.size(), dims.empty() ? "{0}" : braces(dims), bytes);
}
std::string type_text(const ir::Type& type) { return type_text(type.dtype, ir::numbers(type.dims)); }

std::string layout_text(const ir::MemoryLayout& layout) {
  std::vector<std::string> dims, sizes;
  for (const ir::MemoryLayout::Block& block : layout.blocks) {
    dims.push_back(fmt::format("{}", block.dim));
    sizes.push_back(fmt::format("{}", block.size));
  }
  if (layout.blocks.empty()) dims = sizes = {"0"};
  return fmt::format("{{{}, {}, {}, {}, {}}}", layout.order.size(), layout.blocks.size(), braces(layout.order),
                     braces(dims), braces(sizes));
}

std::string layout_text(const std::string& text) {
  if (text.empty()) return "{0}";
  const auto layout = ir::parse_memory_layout(text);
  check(layout.has_value(), "a layout was verified");
  return layout_text(*layout);
}

// --- A program -------------------------------------------------------------------------------------------------------

class ProgramText {
 public:
  ProgramText(const Artefact& artefact, const cpu::AheadProgram& program, std::string prefix)
      : artefact_(artefact), program_(program), prefix_(std::move(prefix)) {
    for (const cpu::KernelFacts& kernel : program.kernels) add_kernel(kernel);
    for (const Step& step : program.recipe->steps()) add_step(step);
    add_list("weft_step", "steps", steps_);
    add_ports();
  }
  const std::string& text() const { return text_; }

  // Of the step at hand: the struct of its kind, as `static const TYPE NAME = ...`.
  std::string operator()(const cpu::KernelWork& work) {
    const std::string cuts = work.cuts.empty() ? "0" : name("cuts");
    if (!work.cuts.empty()) text_ += fmt::format("static const int64_t {}[] = {};\n", cuts, braces(work.cuts));
    what("weft_kernel_step",
         fmt::format("{{&{}, {}, {}, {}}}", kernel_name(work.kernel), cuts, work.cuts.size(), work.elements));
    return "KERNEL";
  }
  std::string operator()(const cpu::MatmulWork& work) {
    const auto matrix = [](const cpu::Matrix& m) {
      return fmt::format("{{{}, {}, {}, {}}}", m.rows, m.columns, m.row_stride, m.column_stride);
    };
    what("weft_matmul_step", fmt::format("{{{}, {}, {}, {}, {}}}", matrix(work.a), matrix(work.b), matrix(work.result),
                                         int(work.bias), quoted(work.activation)));
    return "MATMUL";
  }
  std::string operator()(const cpu::Convolution& work) {
    what("weft_convolution_step",
         fmt::format("{{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}}", int(work.direction), braces(work.x),
                     braces(work.w), braces(work.y), braces(work.stride), braces(work.padding), braces(work.dilation),
                     work.groups, int(work.channels_last), quoted(work.weights_layout), int(work.bias),
                     quoted(work.activation), int(work.winograd)));
    return "CONVOLUTION";
  }
  std::string operator()(const cpu::ColumnsWork& work) {
    const cpu::Convolution& c = work.convolution;
    const auto image = [](const std::array<std::int64_t, 4>& dims) {
      return fmt::format("{{{}, {}, {}}}", dims[1], dims[2], dims[3]);
    };
    what("weft_columns_step",
         fmt::format("{{{}, {}, {}, {}, {}, {}, {}, {}, {{{}, {}}}, {}, {}, {}, {}, {}, &{}}}", int(c.direction),
                     int(c.channels_last), int(c.bias), c.x[0], work.block, image(c.x), image(c.y), c.groups, c.w[2],
                     c.w[3], braces(c.stride), braces(c.padding), braces(c.dilation), work.weights_bytes,
                     work.columns_bytes, kernel_name(work.kernel)));
    return "COLUMNS";
  }
  std::string operator()(const cpu::FillWork& work) {
    std::vector<std::string> gaps;
    for (const cpu::FillWork::Gap& gap : work.gaps) gaps.push_back(fmt::format("{{{}, {}}}", gap.offset, gap.bytes));
    text_ += fmt::format("static const weft_gap {}[] = {};\n", name("gaps"), braces(gaps));
    what("weft_fill_step", fmt::format("{{{}, {}}}", name("gaps"), gaps.size()));
    return "FILL";
  }
  std::string operator()(const cpu::RelayWork& work) {
    what("weft_relay_step", fmt::format("{{{}, {}}}", type_text(ir::DType::f32, work.dims), layout_text(work.layout)));
    return "RELAY";
  }
  std::string operator()(const cpu::PoolingWork& work) {
    what("weft_pooling_step",
         fmt::format("{{{}, {}, {}, {}, {}, {}, {}, {}}}", int(work.kind), work.images, work.channels, braces(work.in),
                     braces(work.out), braces(work.kernel), braces(work.stride), braces(work.padding)));
    return "POOLING";
  }
  std::string operator()(const cpu::SimilarityWork& work) {
    std::vector<std::string> kernels;
    for (int i = 0; i < work.kernels; ++i) kernels.push_back("&" + kernel_name(work.first_kernel + i));
    text_ += fmt::format("static const weft_kernel* const {}[] = {};\n", name("kernels"), braces(kernels));
    what("weft_similarity_step", fmt::format("{{{}, {}, {}, {}, {}}}", int(work.gradient), work.rows, work.width,
                                             name("kernels"), work.kernels));
    return "SIMILARITY";
  }
  std::string operator()(const cpu::OtherWork&) {
    check(false, "compile_ahead refuses what has no code");
    return "";
  }

 private:
  std::string name(const std::string& part) const { return fmt::format("{}s{}_{}", prefix_, steps_.size(), part); }
  std::string kernel_name(int index) const { return fmt::format("{}k{}", prefix_, index); }
  void what(const std::string& type, const std::string& value) {
    text_ += fmt::format("static const {} {} = {};\n", type, name("what"), value);
  }

  void add_kernel(const cpu::KernelFacts& kernel) {
    const std::string finish = kernel.name + "_finish";
    text_ += fmt::format("WEFT_KERNEL void {}(void* const*, void*, int64_t, int64_t);\n", kernel.name);
    if (kernel.has_finish) text_ += fmt::format("WEFT_KERNEL void {}(void* const*, void*);\n", finish);
    text_ += fmt::format("static const weft_kernel {} = {{{}, {}, {}, {}, {}, {:.17g}}};\n", kernel_name(kernels_++),
                         quoted(kernel.name), kernel.name, kernel.has_finish ? finish : "0", kernel.chunks,
                         kernel.scratch_bytes, kernel.work_ns);
  }

  void add_step(const Step& step) {
    const std::string kind = std::visit(*this, step.work);
    std::vector<std::string> addresses;
    for (const Address& each : step.addresses) {
      constexpr const char* kBases[] = {"WEFT_INPUT", "WEFT_OUTPUT", "WEFT_ARENA"};
      addresses.push_back(fmt::format("{{{}, {}, {}}}", kBases[std::size_t(each.base)], each.index, each.offset));
    }
    text_ += fmt::format("static const weft_address {}[] = {};\n", name("at"), braces(addresses));
    steps_.push_back(fmt::format("{{WEFT_STEP_{}, {}, {}, {}, {}, {}, &{}}}", kind, quoted(step.name), name("at"),
                                 addresses.size(), step.scratch_offset, step.scratch_bytes, name("what")));
  }

  void add_ports() {
    const ir::Graph& graph = *program_.graph;
    std::vector<std::string> inputs, outputs;
    for (std::uint32_t i = 0; i < graph.inputs.size(); ++i)
      inputs.push_back(port_text(graph.input_name(i), graph.inputs[i]));
    for (const ir::Output& output : graph.outputs) {
      const std::string type = type_text(graph.type(output.value));
      outputs.push_back(output.donates == ir::kNone ? fmt::format("{{{}, {}, WEFT_DATA, 0}}", quoted(output.name), type)
                                                    : port_text(output.name, graph.inputs[output.donates]));
    }
    add_list("weft_port", "inputs", inputs);
    add_list("weft_port", "outputs", outputs);
  }

  std::string port_text(const std::string& port, const ir::Input& input) const {
    const std::string& input_name = program_.graph->values[input.value].name;
    std::size_t offset = 0;
    if (input.role == ir::Role::param || input.role == ir::Role::state) offset = artefact_.offsets.at(input_name);
    if (input.role == ir::Role::hyper)
      while (artefact_.hypers.at(offset).first != input_name) ++offset;
    return fmt::format("{{{}, {}, {}, {}}}", quoted(port), type_text(program_.graph->type(input.value)),
                       role_name(input.role), offset);
  }

  void add_list(const std::string& type, const std::string& part, const std::vector<std::string>& rows) {
    if (!rows.empty())
      text_ += fmt::format("static const {} {}{}[] = {{\n    {}}};\n", type, prefix_, part, fmt::join(rows, ",\n    "));
  }

  const Artefact& artefact_;
  const cpu::AheadProgram& program_;
  std::string prefix_, text_;
  int kernels_ = 0;
  std::vector<std::string> steps_;
};

// --- The whole -------------------------------------------------------------------------------------------------------

std::string tensors_text(const Artefact& artefact) {
  std::string text = "static const weft_tensor the_tensors[] = {\n";
  for (const Tensor& tensor : artefact.tensors) {
    constexpr const char* kInits[] = {"NONE", "CONSTANT", "UNIFORM", "NORMAL"};
    text +=
        fmt::format("    {{{}, {}, {}, {}, {}, {}, WEFT_INIT_{}, {:.17g}, {:.17g}}},\n", quoted(tensor.name),
                    type_text(tensor.type), role_name(tensor.role), int(tensor.of_optimizer), tensor.offset,
                    layout_text(tensor.layout), kInits[std::size_t(tensor.init.kind)], tensor.init.a, tensor.init.b);
  }
  return text + "};\n";
}

// A float constant needs a point or an exponent before its f.
std::string float_text(float value) {
  std::string text = fmt::format("{:.9g}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text + "f";
}

std::string hypers_text(const Artefact& artefact) {
  std::string text = "static const weft_hyper the_hypers[] = {\n";
  for (const auto& [name, value] : artefact.hypers)
    text += fmt::format("    {{{}, {}}},\n", quoted(name), float_text(value));
  return text + "};\n";
}

std::string list_or_null(bool empty, const std::string& name) { return empty ? "0" : name; }

// The bytes of a file, in the read-only section.
std::string weights_text(const std::string& symbol, const std::string& path) {
  return fmt::format(
      "__asm__(\".pushsection .rodata\\n.balign 64\\n{0}:\\n.incbin \\\"{1}\\\"\\n.popsection\\n\");\n"
      "extern const unsigned char {0}[] __attribute__((visibility(\"hidden\")));\n",
      symbol, path);
}

}  // namespace

std::string tables_text(const Artefact& artefact, const std::string& weights_path) {
  std::string text = "#define WEFT_KERNEL __attribute__((visibility(\"hidden\"))) extern\n", programs;
  int count = 0;
  for (const Entry& entry : artefact.entries)
    for (const Program& program : entry.programs) {
      const std::string prefix = fmt::format("p{}_", count++);
      text += fmt::format("\n/* {} at batch {} */\n", entry.name, program.batch);
      text += ProgramText(artefact, program.compiled, prefix).text();
      const ir::Graph& graph = *program.compiled.graph;
      const cpu::Recipe& recipe = *program.compiled.recipe;
      programs +=
          fmt::format("    {{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}}},\n", quoted(entry.name), program.batch,
                      list_or_null(graph.inputs.empty(), prefix + "inputs"), graph.inputs.size(), prefix + "outputs",
                      graph.outputs.size(), list_or_null(recipe.steps().empty(), prefix + "steps"),
                      recipe.steps().size(), recipe.arena_bytes(), int(entry.trains));
    }
  text += "\nstatic const weft_program the_programs[] = {\n" + programs + "};\n";
  if (!artefact.tensors.empty()) text += tensors_text(artefact);
  if (!artefact.hypers.empty()) text += hypers_text(artefact);
  const std::string symbol = artefact.name + "_embedded_weights";
  if (!artefact.weights.empty()) text += weights_text(symbol, weights_path);
  std::vector<std::string> features;
  for (const std::string& feature : artefact.features) features.push_back(quoted(feature));
  features.emplace_back("0");
  text += fmt::format("static const char* const the_features[] = {};\n", braces(features));
  text += fmt::format("static const char the_manifest[] =\n    {};\n", quoted(manifest_text(artefact)));
  text += fmt::format(
      "static const weft_artefact the_artefact = {{\n"
      "    WEFT_TABLES_VERSION, {}, {}, {}, {}, {}, the_manifest, {:#x}ull, {}, the_features,\n"
      "    {}, {}, {}, {}, {}, {}, the_programs, {}, {}}};\n",
      quoted(WEFT_VERSION), quoted(artefact.name), quoted(artefact.model), quoted(artefact.settings),
      quoted(artefact.optimizer), interface_hash(artefact), quoted(artefact.cpu),
      list_or_null(artefact.tensors.empty(), "the_tensors"), artefact.tensors.size(), artefact.params_bytes,
      artefact.state_bytes, list_or_null(artefact.hypers.empty(), "the_hypers"), artefact.hypers.size(), count,
      list_or_null(artefact.weights.empty(), symbol));
  return text;
}

}  // namespace weft::artefact
