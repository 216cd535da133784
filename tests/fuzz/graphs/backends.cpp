// The full check: a graph compiled by every backend and option, against the interpreter in float.
#include <algorithm>

#include "backends/compile.h"
#include "backends/reference/reference.h"
#include "ir/error.h"
#include "ir/memory_layout.h"
#include "ir/verify.h"
#include "tests/fuzz/graphs/check.h"

namespace weft::fuzz {

namespace {

// Tensors and memory, in the order that a layout gives them.

std::vector<std::size_t> offsets_of(const std::string& layout, const ir::Type& type) {
  return ir::memory_offsets(*ir::parse_memory_layout(layout), ir::numbers(type.dims));
}

Tensor laid_out(const Tensor& tensor, const runtime::Port& port) {
  Tensor result = tensor;
  std::vector<ir::Slot> parts = port.slots;
  if (parts.empty()) parts.push_back({port.name, port.type, 0, {}, port.layout});
  for (const ir::Slot& part : parts) {
    if (part.layout.empty()) continue;
    const std::vector<std::size_t> offsets = offsets_of(part.layout, part.type);
    for (std::size_t i = 0; i < offsets.size(); ++i)
      result.data[std::size_t(part.offset) + offsets[i]] = tensor.data[std::size_t(part.offset) + i];
  }
  return result;
}

Tensors run_program(runtime::Program& program, const Subject& subject) {
  const ir::Graph& graph = *subject.graph;
  std::vector<std::byte> bytes;
  for (std::uint32_t i = 0; i < graph.inputs.size(); ++i) {
    const int port = program.find_input(graph.input_name(i));
    Tensor tensor = laid_out(subject.inputs[i], program.inputs()[std::size_t(port)]);
    for (double& each : tensor.data) each = reference::round_to(tensor.type.dtype, each);
    bytes.resize(tensor.type.bytes());
    reference::to_bytes(tensor, bytes.data());
    program.write_input(port, bytes.data());
  }
  program.run();
  Tensors outputs;
  for (const ir::Output& output : graph.outputs) {
    const ir::Type& type = graph.type(output.value);
    bytes.resize(type.bytes());
    program.read_output(program.find_output(output.name), bytes.data());
    outputs.push_back(reference::from_bytes(type, bytes.data()));
  }
  return outputs;
}

// A way to compile, and how often it has its turn.
struct Way {
  std::string name;
  CompileOptions options;
  int percent;
};

const std::vector<Way>& ways() {
  static const std::vector<Way> all = [] {
    std::vector<Way> list;
    const auto add = [&](const std::string& name, int percent, const auto& set) {
      Way way{name, {}, percent};
      way.options.threads = 1;
      set(way.options);
      const auto known = backend_choices();
      if (std::ranges::count(known, way.options.backend) != 0) list.push_back(way);
    };
    add("cpu, 1 thread", 100, [](CompileOptions&) {});
    add("cpu, 2 threads", 100, [](CompileOptions& options) { options.threads = 2; });
    add("generated", 50, [](CompileOptions& options) { options.contractions = Contractions::generated; });
    add("onednn", 25, [](CompileOptions& options) { options.contractions = Contractions::onednn; });
    add("no winograd", 25, [](CompileOptions& options) { options.winograd = false; });
    add("chosen layouts", 25, [](CompileOptions& options) { options.choose_layouts = true; });
    add("reference", 10, [](CompileOptions& options) { options.backend = "reference"; });
    add("cuda-emulated", 1, [](CompileOptions& options) { options.backend = "cuda-emulated"; });
    return list;
  }();
  return all;
}

constexpr double kAlike = 1e-5;                            // relative: what needs no explaining
constexpr Noise kFloatNoise{4e-6, 0x1p-7, 0x1p-10, true};  // some units in the last place, of each dtype

Outcome run_way(const Subject& subject, const Way& way, const Tensors& expected, Counts& counts) {
  const auto program = compile(subject.graph, way.options);
  const Tensors actual = run_program(*program, subject);
  Tolerance tolerance;
  tolerance.relative = kAlike;
  if (const Outcome outcome = compare(*subject.graph, subject, expected, actual, tolerance, kFloatNoise, false, counts))
    return Failure{outcome->kind, fmt::format("{}: {}", way.name, outcome->text)};
  const Tensors again = run_program(*program, subject);
  const auto found = differences(actual, again, {0, true});
  if (!found.empty())
    return Failure{"bits", fmt::format("{}, run again: {}", way.name, describe(*subject.graph, found.front()))};
  return {};
}

Outcome same_bits(const Subject& subject, const Way& one, const Way& two) {
  const Tensors first = run_program(*compile(subject.graph, one.options), subject);
  const Tensors second = run_program(*compile(subject.graph, two.options), subject);
  const auto found = differences(first, second, {0, true});
  if (found.empty()) return {};
  return Failure{"threads", fmt::format("{} and {}: {}", one.name, two.name, describe(*subject.graph, found.front()))};
}

// Backends may lack code for an op, and say so.
bool is_refused(const Outcome& outcome) {
  return outcome->kind == "error" && outcome->text.find("has no code for") != std::string::npos;
}

// What one kind of run says of a subject; `two` where the bits of two are compared.
Outcome run_one(const Subject& subject, const Way& way, const Way* two, Counts& counts) {
  ir::verify(*subject.graph);
  if (two) return same_bits(subject, way, *two);
  return run_way(subject, way, reference::run<float>(*subject.graph, subject.inputs), counts);
}

}  // namespace

std::optional<Finding> check_backends(std::uint64_t seed, Counts& counts) {
  static const Settings settings = [] {
    Settings result;
    result.most_ops = 14;
    result.most_elements = 4000;
    result.sizes = {1, 1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 31, 33};
    return result;
  }();
  Random random(mix(seed ^ 0x5EED));
  const ir::Graph graph = generate(seed, settings);
  Subject subject;
  subject.graph = std::make_shared<const ir::Graph>(ir::bind(graph, random_bindings(graph, random)));
  subject.inputs = random_inputs(*subject.graph, random, random.chance(30) ? Numbers::extreme : Numbers::plain);
  count_graph(graph, counts);
  const auto finding = [&](const Failure& failure, const Way& way, const Way* two) {
    Counts unused;
    const Subject small = shrink(subject, failure, [&](const Subject& each) {
      return guarded([&] { return run_one(each, way, two, unused); });
    });
    const Outcome again = guarded([&] { return run_one(small, way, two, unused); });
    return Finding{seed, way.name, again.value_or(failure), small};
  };
  for (const Way& way : ways()) {
    if (!random.chance(way.percent)) continue;
    ++counts.by_step[way.name];
    const Outcome outcome = guarded([&] { return run_one(subject, way, nullptr, counts); });
    if (outcome && is_refused(outcome)) ++counts.by_step[way.name + " (refused)"];
    if (outcome && !is_refused(outcome)) return finding(*outcome, way, nullptr);
  }
  if (ways().size() < 2 || ways()[1].options.threads != 2) return {};  // a build without cpu
  const Way &one = ways()[0], &two = ways()[1];
  if (const Outcome outcome = guarded([&] { return same_bits(subject, one, two); }))
    return finding(*outcome, one, &two);
  return {};
}

}  // namespace weft::fuzz
