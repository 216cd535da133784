// Reads, runs and compares the numbers of text cases.
#include "tests/cases/case_values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <random>

#include "backends/compile.h"
#include "backends/reference/reference.h"
#include "ir/error.h"
#include "ir/text/parse.h"
#include "ir/text/suggest.h"

namespace weft::test {

namespace {

using Numbers = std::vector<double>;
using reference::Tensor;

double parse_number(const std::string& text) {
  if (text == "inf") return INFINITY;
  if (text == "-inf") return -INFINITY;
  if (text == "nan" || text == "-nan") return NAN;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) fail("'{}' is no number", text);
  return value;
}

Numbers parse_numbers(const std::vector<std::string>& words, std::size_t first = 0) {
  Numbers numbers;
  for (std::size_t i = first; i < words.size(); ++i) numbers.push_back(parse_number(words[i]));
  return numbers;
}

ir::Bindings bindings(const Case& test_case) {
  ir::Bindings result;
  for (const std::string& part : split(test_case.find("bind").value_or(""), ',')) {
    const std::vector<std::string> sides = split(part, '=');
    if (sides.size() != 2) fail("'bind: {}' is not like 'bind: B=4, N=2'", part);
    result[sides[0]] = std::int64_t(parse_number(sides[1]));
  }
  return result;
}

std::vector<Tensor> tensors(const ir::Graph& graph, const Values& inputs) {
  std::vector<Tensor> result;
  for (std::uint32_t i = 0; i < graph.inputs.size(); ++i)
    result.push_back({graph.type(graph.inputs[i].value), inputs.at(graph.input_name(i))});
  return result;
}

std::string spell(double value, ir::DType dtype) {
  return dtype == ir::DType::f32 ? fmt::format("{}", float(value)) : fmt::format("{}", value);
}

bool close(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::abs(a - b) <= tolerance * (1 + std::abs(b));
}

}  // namespace

Numbers read_input(const std::string& text, std::size_t count, std::mt19937_64& random) {
  const std::vector<std::string> words = split(text, ' ');
  if (words.size() == 3 && words[0] == "uniform") {
    const Numbers bounds = parse_numbers(words, 1);
    std::uniform_real_distribution<double> draw(bounds[0], bounds[1]);
    Numbers numbers(count);
    for (double& number : numbers) number = double(float(draw(random)));
    return numbers;
  }
  const Numbers numbers = parse_numbers(words);
  if (numbers.size() == 1) return Numbers(count, numbers[0]);
  if (numbers.size() != count) fail("'{}' holds {} numbers, the input {}", text, numbers.size(), count);
  return numbers;
}

ir::GraphPtr case_graph(const Case& test_case, bool all) {
  ir::Graph graph = ir::parse_graph(test_case.input, "input");
  ir::Bindings bound = bindings(test_case);
  const std::vector<std::string> symbols = graph.symbols();
  for (const auto& [symbol, size] : bound)
    if (std::count(symbols.begin(), symbols.end(), symbol) == 0)
      fail("bind: the graph has no dim {}{}", symbol, did_you_mean(symbol, symbols));
  if (all)
    for (const std::string& symbol : symbols) bound.emplace(symbol, 3);
  if (!bound.empty()) graph = ir::bind(graph, bound);
  return std::make_shared<const ir::Graph>(std::move(graph));
}

double case_number(const Case& test_case, std::string_view key, double fallback) {
  const std::optional<std::string> text = test_case.find(key);
  return text ? parse_number(*text) : fallback;
}

Values case_inputs(const Case& test_case, const ir::Graph& graph) {
  const auto seed = std::uint64_t(case_number(test_case, "seed", 1));
  std::mt19937_64 random(seed);
  Values inputs = passes::random_inputs(graph, seed);
  std::vector<std::string> known;
  for (const auto& [name, numbers] : inputs) known.push_back(name);
  for (const auto& [key, text] : test_case.heading) {
    if (key.rfind("input ", 0) != 0) continue;
    const std::string name = key.substr(6);
    const auto found = inputs.find(name);
    if (found == inputs.end()) fail("the graph has no input %{}{}", name, did_you_mean(name, known));
    found->second = read_input(text, found->second.size(), random);
  }
  return inputs;
}

std::string values_text(const ir::Graph& graph, const Values& outputs) {
  std::string text;
  for (const ir::Output& output : graph.outputs)
    text += values_line(output.name, graph.type(output.value), outputs.at(output.name));
  return text;
}

std::string values_line(const std::string& name, const ir::Type& type, const std::vector<double>& values) {
  std::string text = fmt::format("{}: {} =", name, to_string(type));
  for (const double value : values) text += " " + spell(value, type.dtype);
  return text + "\n";
}

std::string compare_values(const std::string& expected, const std::string& actual, double tolerance) {
  const std::vector<std::string> want = split(expected, '\n'), have = split(actual, '\n');
  if (want.size() != have.size()) return fmt::format("{} outputs expected, {} found", want.size(), have.size());
  for (std::size_t line = 0; line < want.size(); ++line) {
    const std::vector<std::string> left = split(want[line], '='), right = split(have[line], '=');
    if (left.size() != 2) fail("'{}' is not like 'y: f32[2] = 1 2'", want[line]);
    if (left[0] != right[0]) return fmt::format("expected {}, found {}", left[0], right[0]);
    const Numbers a = parse_numbers(split(right[1], ' ')), b = parse_numbers(split(left[1], ' '));
    if (a.size() != b.size()) return fmt::format("{}: {} elements expected, {} found", left[0], b.size(), a.size());
    for (std::size_t i = 0; i < a.size(); ++i)
      if (!close(a[i], b[i], tolerance))
        return fmt::format("{}, element {}: expected {:.9g}, found {:.9g}", left[0], i, b[i], a[i]);
  }
  return "";
}

Values run_backend(const ir::GraphPtr& graph, const Values& inputs, const std::string& backend, int threads) {
  CompileOptions options;
  options.backend = backend;
  options.threads = threads;
  const std::unique_ptr<runtime::Program> program = compile(graph, options);
  const std::vector<Tensor> given = tensors(*graph, inputs);
  std::vector<std::byte> bytes;
  for (std::uint32_t i = 0; i < graph->inputs.size(); ++i) {
    bytes.resize(given[i].type.bytes());
    reference::to_bytes(given[i], bytes.data());
    program->write_input(program->find_input(graph->input_name(i)), bytes.data());
  }
  program->run();
  Values outputs;
  for (const ir::Output& output : graph->outputs) {
    bytes.resize(graph->type(output.value).bytes());
    program->read_output(program->find_output(output.name), bytes.data());
    outputs[output.name] = reference::from_bytes(graph->type(output.value), bytes.data()).data;
  }
  return outputs;
}

}  // namespace weft::test
