// NaN goes through every backend as the reference says: one in each operand, at its first, last and tail elements, for
// products, convolutions and what goes into them, for what chooses one of its operands, and for reductions.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "backends/compile.h"
#include "backends/reference/reference.h"
#include "ir/error.h"
#include "ir/text/parse.h"
#include "passes/check_each.h"
#include "runtime/program.h"

using namespace weft;
using passes::Values;
using runtime::Program;

namespace {

struct Backend {
  std::string name;
  CompileOptions options;
};

std::vector<Backend> backends() {
  std::vector<Backend> all;
  const auto add = [&](const char* name, const char* backend, int threads, Contractions contractions) {
    CompileOptions options;
    options.backend = backend;
    options.threads = threads;
    options.contractions = contractions;
    all.push_back({name, options});
  };
  add("cpu, 1 thread", "cpu", 1, Contractions::automatic);
  add("cpu, 2 threads", "cpu", 2, Contractions::automatic);
  add("cpu, generated", "cpu", 1, Contractions::generated);
  add("cuda-emulated", "cuda-emulated", 1, Contractions::automatic);
  try {
    memory_of("cuda");
    add("cuda", "cuda", 1, Contractions::automatic);
  } catch (const Error&) {
    MESSAGE("cuda: skipped, no GPU here");
  }
  return all;
}

Values run(Program& program, const ir::Graph& graph, const Values& inputs) {
  std::vector<std::byte> bytes;
  for (std::uint32_t i = 0; i < graph.inputs.size(); ++i) {
    const reference::Tensor tensor{graph.type(graph.inputs[i].value), inputs.at(graph.input_name(i))};
    bytes.resize(tensor.type.bytes());
    reference::to_bytes(tensor, bytes.data());
    program.write_input(program.find_input(graph.input_name(i)), bytes.data());
  }
  program.run();
  Values outputs;
  for (const ir::Output& output : graph.outputs) {
    const ir::Type& type = graph.type(output.value);
    bytes.resize(type.bytes());
    program.read_output(program.find_output(output.name), bytes.data());
    outputs[output.name] = reference::from_bytes(type, bytes.data()).data;
  }
  return outputs;
}

Values expected(const ir::Graph& graph, const Values& inputs) {
  std::vector<reference::Tensor> tensors;
  for (std::uint32_t i = 0; i < graph.inputs.size(); ++i)
    tensors.push_back({graph.type(graph.inputs[i].value), inputs.at(graph.input_name(i))});
  const std::vector<reference::Tensor> results = reference::run<float>(graph, tensors);
  Values outputs;
  for (std::size_t i = 0; i < results.size(); ++i) outputs[graph.outputs[i].name] = results[i].data;
  return outputs;
}

// The first, the last, those around the ends of vectors, and some between.
std::set<std::size_t> places(std::size_t size) {
  std::set<std::size_t> all;
  for (const std::size_t each : {0, 1, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64})
    if (each < size) all.insert(each);
  for (const std::size_t back : {1, 2, 8, 9, 17})
    if (back <= size) all.insert(size - back);
  for (std::size_t i = 1; i < 8; ++i) all.insert(size * i / 8);
  return all;
}

// NaN wherever the reference has one. Elsewhere the same numbers, but more NaN where `spreads` allows it.
std::string difference(const Values& wanted, const Values& got, bool spreads) {
  for (const auto& [name, numbers] : wanted)
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const double a = numbers[i], b = got.at(name)[i];
      if (std::isnan(a) != std::isnan(b) && !(spreads && std::isnan(b)))
        return fmt::format("{}[{}]: {} expected, {} found", name, i, a, b);
      if (a != b && !std::isnan(a) && !std::isnan(b) && !(std::abs(a - b) <= 1e-4 * (1 + std::abs(a))))
        return fmt::format("{}[{}]: {} expected, {} found", name, i, a, b);
    }
  return "";
}

// The emulation compiles for seconds: one graph of each kind.
int check_graph(const std::string& text, bool emulated, bool spreads = false) {
  const auto graph = std::make_shared<const ir::Graph>(ir::parse_graph(text, "nan"));
  CAPTURE(graph->name);
  std::vector<std::pair<std::string, std::unique_ptr<Program>>> programs;
  for (const Backend& backend : backends())
    if (emulated || backend.name != "cuda-emulated")
      programs.emplace_back(backend.name, compile(graph, backend.options));
  int runs = 0;
  const auto compare = [&](const Values& inputs, bool more, bool at_end) {
    const Values wanted = expected(*graph, inputs);
    for (const auto& [backend, program] : programs) {
      if (backend == "cuda-emulated" && !at_end) continue;  // slow
      CAPTURE(backend);
      CHECK(difference(wanted, run(*program, *graph, inputs), more) == "");
      ++runs;
    }
  };
  const Values ordinary = passes::random_inputs(*graph, 5);
  compare(ordinary, false, true);
  for (std::uint32_t i = 0; i < graph->inputs.size(); ++i) {
    const std::string name = graph->input_name(i);
    CAPTURE(name);
    for (const std::size_t place : places(ordinary.at(name).size())) {
      CAPTURE(place);
      Values inputs = ordinary;
      inputs.at(name)[place] = std::numeric_limits<double>::quiet_NaN();
      compare(inputs, spreads, place == 0 || place + 1 == inputs.at(name).size());
    }
  }
  return runs;
}

}  // namespace

TEST_CASE("products and what goes into them") {
  int runs = 0;
  const std::array<int, 3> sizes[] = {{1, 1, 1}, {5, 7, 9}, {130, 5, 17}, {17, 5, 130}};
  for (const auto& [m, k, n] : sizes) {
    std::string text = fmt::format("graph @matmul(%a: f32[{0},{1}], %b: f32[{1},{2}], %c: f32[{2}]) -> (", m, k, n),
                body;
    const std::pair<const char*, const char*> forms[] = {{"plain", ""}, {"biased", ", %c"}};
    const char* const activations[] = {"relu", "tanh", "sigmoid", "softplus"};
    std::string outputs;
    for (const auto& [form, bias] : forms)
      for (const char* activation : activations) {
        const std::string name = fmt::format("{}_{}", form, activation);
        outputs += fmt::format("{}{}: f32[{},{}]", outputs.empty() ? "" : ", ", name, m, n);
        body += fmt::format("  %{} = matmul %a, %b{} {{activation={}}} : f32[{},{}]\n", name, bias, activation, m, n);
      }
    std::string returned;
    for (const auto& [form, bias] : forms)
      for (const char* activation : activations)
        returned += fmt::format("{}%{}_{}", returned.empty() ? "" : ", ", form, activation);
    runs += check_graph(text + outputs + ") {\n" + body + "  return " + returned + "\n}", m == 5);
  }
  MESSAGE(runs << " runs");
}

TEST_CASE("convolutions and what goes into them") {
  int runs = 0;
  struct Shape {
    int images, in, size, out, kernel, stride, padding;
  };
  // Few channels, one pixel, Winograd's, channels in blocks, through columns.
  for (const Shape& s : {Shape{2, 3, 9, 5, 3, 1, 1},
                         {1, 1, 1, 1, 1, 1, 0},
                         {1, 32, 6, 32, 3, 1, 1},
                         {3, 16, 5, 8, 3, 2, 1},
                         {2, 2, 6, 70, 5, 1, 2}}) {
    const int after = (s.size + 2 * s.padding - s.kernel) / s.stride + 1;
    runs += check_graph(
        fmt::format(
            R"(graph @conv(%x: f32[{n},{i},{h},{h}], %w: f32[{o},{i},{k},{k}], %c: f32[{o}], %v: f32[{i},{o},{k},{k}], %d: f32[{n},{i},{a},{a}]) -> (relu: f32[{n},{o},{a},{a}], tanh: f32[{n},{o},{a},{a}], up: f32[{n},{o},{u},{u}]) {{
  %relu = conv2d %x, %w, %c {{activation=relu, stride=[{s},{s}], padding=[{p},{p}]}} : f32[{n},{o},{a},{a}]
  %tanh = conv2d %x, %w {{activation=tanh, stride=[{s},{s}], padding=[{p},{p}]}} : f32[{n},{o},{a},{a}]
  %up = conv_transpose2d %d, %v, %c {{activation=relu, stride=[{s},{s}], padding=[{p},{p}]}} : f32[{n},{o},{u},{u}]
  return %relu, %tanh, %up
}})",
            fmt::arg("n", s.images), fmt::arg("i", s.in), fmt::arg("h", s.size), fmt::arg("o", s.out),
            fmt::arg("k", s.kernel), fmt::arg("s", s.stride), fmt::arg("p", s.padding), fmt::arg("a", after),
            fmt::arg("u", (after - 1) * s.stride - 2 * s.padding + s.kernel)),
        s.size == 9, true);
  }
  MESSAGE(runs << " runs");
}

TEST_CASE("what chooses, compares and reduces") {
  int runs = 0;
  for (const int n : {1, 8, 9, 33, 70})
    runs += check_graph(
        fmt::format(
            R"(graph @choose(%x: f32[3,{n}], %y: f32[3,{n}]) -> (relu: f32[3,{n}], max: f32[3,{n}], min: f32[3,{n}], clamp: f32[3,{n}], sign: f32[3,{n}], abs: f32[3,{n}], lt: bool[3,{n}], ge: bool[3,{n}], ne: bool[3,{n}], select: f32[3,{n}], rows: f32[3,1], columns: f32[1,{n}], all: f32[1,1], sum: f32[3,1], peak: f32[3,1], whole: i32[3,{n}], half: f16[3,{n}]) {{
  %relu = relu %x : f32[3,{n}]
  %max = max %x, %y : f32[3,{n}]
  %min = min %x, %y : f32[3,{n}]
  %low = constant {{values=-0.5}} : f32[]
  %high = constant {{values=0.5}} : f32[]
  %0 = max %x, %low : f32[3,{n}]
  %clamp = min %high, %0 : f32[3,{n}]
  %sign = sign %x : f32[3,{n}]
  %abs = abs %x : f32[3,{n}]
  %lt = lt %x, %y : bool[3,{n}]
  %ge = ge %x, %y : bool[3,{n}]
  %ne = ne %x, %y : bool[3,{n}]
  %select = select %lt, %x, %y : f32[3,{n}]
  %rows = reduce_max %x {{axes=[1]}} : f32[3,1]
  %columns = reduce_max %x {{axes=[0]}} : f32[1,{n}]
  %all = reduce_max %y {{axes=[0,1]}} : f32[1,1]
  %sum = reduce_sum %relu {{axes=[1]}} : f32[3,1]
  %peak = reduce_max %relu {{axes=[1]}} : f32[3,1]
  %whole = cast %x : i32[3,{n}]
  %half = cast %x : f16[3,{n}]
  return %relu, %max, %min, %clamp, %sign, %abs, %lt, %ge, %ne, %select, %rows, %columns, %all, %sum, %peak, %whole, %half
}})",
            fmt::arg("n", n)),
        n == 9);
  MESSAGE(runs << " runs");
}

TEST_CASE("functions and pooling") {
  int runs = check_graph(
      R"(graph @functions(%x: f32[3,19]) -> (a: f32[3,19], b: f32[3,19], c: f32[3,19], d: f32[3,19], e: f32[3,19], f: f32[3,19], g: f32[3,19], h: f32[3,19], i: f32[3,19], j: f32[3,19], k: f32[3,19], l: f32[3,19], m: f32[3,19], n: f32[3,19], o: f32[3,19]) {
  %p = abs %x : f32[3,19]
  %a = exp %x : f32[3,19]
  %b = expm1 %x : f32[3,19]
  %c = log %p : f32[3,19]
  %d = log1p %p : f32[3,19]
  %e = sqrt %p : f32[3,19]
  %f = rsqrt %p : f32[3,19]
  %g = sin %x : f32[3,19]
  %h = cos %x : f32[3,19]
  %i = tanh %x : f32[3,19]
  %j = sigmoid %x : f32[3,19]
  %k = softplus %x : f32[3,19]
  %l = erf %x : f32[3,19]
  %m = floor %x : f32[3,19]
  %two = constant {values=2.5} : f32[]
  %n = pow %p, %two : f32[3,19]
  %o = neg %x : f32[3,19]
  return %a, %b, %c, %d, %e, %f, %g, %h, %i, %j, %k, %l, %m, %n, %o
})",
      true);
  // Windows that tile the image become reductions; others do not.
  runs += check_graph(
      R"(graph @pool(%x: f32[2,3,6,6], %dy: f32[2,3,3,3]) -> (tiles: f32[2,3,3,3], overlap: f32[2,3,3,3], mean: f32[2,3,3,3], dx: f32[2,3,6,6], dv: f32[2,3,6,6]) {
  %tiles = max_pool2d %x {kernel=[2,2], stride=[2,2]} : f32[2,3,3,3]
  %overlap = max_pool2d %x {kernel=[3,3], stride=[2,2], padding=[1,1]} : f32[2,3,3,3]
  %mean = avg_pool2d %x {kernel=[2,2], stride=[2,2]} : f32[2,3,3,3]
  %dx = max_pool2d_grad %x, %dy {kernel=[2,2], stride=[2,2]} : f32[2,3,6,6]
  %dv = max_pool2d_grad %x, %dy {kernel=[3,3], stride=[2,2], padding=[1,1]} : f32[2,3,6,6]
  return %tiles, %overlap, %mean, %dx, %dv
})",
      true);
  MESSAGE(runs << " runs");
}

TEST_CASE("indices beyond a table are its nearest row's, stored and computed, on every backend") {
  const auto graph = std::make_shared<const ir::Graph>(ir::parse_graph(R"(
graph @rows(%table: f32[23,5], %bytes: u8[23,5], %at: i32[40], %rows: f32[40,5]) -> (picked: f32[40,5], computed: f32[40,5], line: f32[40], sums: f32[23,5]) {
  %picked = gather %table, %at : f32[40,5]
  %three = constant {values=3} : i32[]
  %next = mul %at, %three : i32[40]
  %0 = gather %bytes, %next : u8[40,5]
  %1 = cast %0 : f32[40,5]
  %computed = mul %1, %picked : f32[40,5]
  %2 = slice %table {start=[0,1]} : f32[23,1]
  %3 = reshape %2 : f32[23]
  %4 = gather %3, %at : f32[40]
  %line = neg %4 : f32[40]
  %sums = scatter_add %at, %rows : f32[23,5]
  return %picked, %computed, %line, %sums
})",
                                                                       "rows"));
  Values inputs = passes::random_inputs(*graph, 3);
  const double beyond[] = {-1, 22, 23, -2147483648.0, 2147483647.0, 1e6, 0, 7, -24, 715827883, -715827883};
  for (std::size_t i = 0; i < 40; ++i) inputs.at("at")[i] = beyond[i % std::size(beyond)];
  for (double& each : inputs.at("rows")) each = std::floor(each * 8);  // sums are exact in any order
  const Values wanted = expected(*graph, inputs);
  for (const Backend& backend : backends()) {
    CAPTURE(backend.name);
    const std::unique_ptr<Program> program = compile(graph, backend.options);
    CHECK(run(*program, *graph, inputs) == wanted);
  }
}
