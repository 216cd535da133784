// Convolutions of the cpu backend against the reference interpreter: every direction, order of dims, layout of weights.
#include <doctest/doctest.h>
#include <fmt/ranges.h>

#include <cmath>
#include <cstdlib>
#include <map>

#include "backends/cpu/onednn/onednn.h"
#include "backends/cpu/program/jit.h"
#include "backends/cpu/program/thunk.h"
#include "backends/program/schedule.h"
#include "backends/reference/reference.h"
#include "ir/builder.h"
#include "ir/layout.h"
#include "ir/memory_layout.h"
#include "tests/backends/cpu/convolution_problems.h"

using namespace weft;
using namespace weft::test;
using cpu::Convolution;
using ir::Attr;
using ir::OpCode;

namespace {

// 64-byte aligned, as all memory of a program is.
class Memory {
 public:
  explicit Memory(std::size_t bytes) : data_(static_cast<float*>(std::aligned_alloc(64, (bytes + 63) / 64 * 64 + 64))) {
    std::fill_n(data_, (bytes + 63) / 64 * 16, std::nanf(""));
  }
  explicit Memory(const Floats& values) : Memory(values.size() * sizeof(float)) {
    std::copy(values.begin(), values.end(), data_);
  }
  ~Memory() { std::free(data_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  float* data() const { return data_; }

 private:
  float* data_;
};

ir::Type image_type(const Problem& problem, std::size_t operand, bool channels_last) {
  const ir::Type& type = problem.operands[operand];
  return channels_last && ir::is_image_operand(problem.code, operand) ? ir::to_nhwc(type) : type;
}

// The op alone in a graph.
ir::Graph graph_of(const Problem& problem, bool channels_last) {
  ir::Builder builder("single");
  std::vector<ir::ValueId> operands;
  for (std::size_t i = 0; i < problem.operands.size(); ++i)
    operands.push_back(builder.input("in" + std::to_string(i), image_type(problem, i, channels_last)));
  ir::Attrs attrs = problem.attrs;
  if (channels_last) attrs.set(Attr::layout, std::string("nhwc"));
  builder.output("out", builder.create(problem.code, operands, attrs));
  return builder.take();
}

Floats permuted(const Floats& values, const ir::Type& type, bool to_channels_last) {
  const Sizes d = ir::numbers(type.dims);
  Floats result(values.size());
  for (std::int64_t n = 0, i = 0; n < d[0]; ++n)
    for (std::int64_t c = 0; c < d[1]; ++c)
      for (std::int64_t p = 0; p < d[2] * d[3]; ++p, ++i) {
        const std::size_t plane = std::size_t(i), last = std::size_t((n * d[2] * d[3] + p) * d[1] + c);
        if (to_channels_last)
          result[last] = values[plane];
        else
          result[plane] = values[last];
      }
  return result;
}

Floats relaid(const Floats& values, const Sizes& dims, const std::string& layout, bool to_layout) {
  if (layout.empty()) return values;
  const std::vector<std::size_t> offsets = ir::memory_offsets(*ir::parse_memory_layout(layout), dims);
  Floats result(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (to_layout)
      result[offsets[i]] = values[i];
    else
      result[i] = values[offsets[i]];
  }
  return result;
}

struct Outcome {
  Floats values;
  std::string implementation;
};

// Operands as a problem's memory orders have them, and room for the result.
struct Operands {
  std::string layout;  // to which the convolution points
  Convolution convolution;
  std::vector<std::unique_ptr<Memory>> memories;
  std::vector<void*> pointers;
  ir::Type result;

  Operands(const Problem& problem, const std::vector<Floats>& inputs, const std::string& weights_layout)
      : layout(weights_layout) {
    const ir::Graph graph = graph_of(problem, problem.channels_last);
    const ir::Op& op = graph.ops.front();
    convolution = convolution_table(graph, op, layout.c_str());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      Floats values = inputs[i];
      if (ir::is_image_operand(problem.code, i)) {
        if (problem.channels_last) values = permuted(values, problem.operands[i], true);
      } else if (i == 1) {
        values = relaid(values, kernel_dims(), layout, true);
      }
      add(values);
    }
    result = graph.type(op.results[0]);
    add(Floats(std::size_t(result.elements()), std::nanf("")));
  }

  Sizes kernel_dims() const { return {std::begin(convolution.w), std::end(convolution.w)}; }

  void add(const Floats& values) {
    memories.push_back(std::make_unique<Memory>(values));
    pointers.push_back(memories.back()->data());
  }

  // In NCHW, or row-major.
  Floats values(const Problem& problem) const {
    Floats values(memories.back()->data(), memories.back()->data() + result.elements());
    if (problem.code == OpCode::conv2d_weight_grad)
      return relaid(values, kernel_dims(), convolution.weights_layout, false);
    return problem.channels_last ? permuted(values, ir::to_nchw(result), false) : values;
  }
};

// Made and run on so many threads, from and to NCHW and row-major weights.
Outcome run(const Problem& problem, const std::vector<Floats>& inputs, const std::string& layout, int threads,
            bool winograd = true) {
  Operands operands(problem, inputs, layout);
  operands.convolution.winograd = winograd;
  const auto primitive = cpu::make_convolution(operands.convolution, threads);
  const Memory scratch(primitive->scratch_bytes());
  primitive->bind(operands.pointers.data(), scratch.data());
  primitive->run();
  primitive->run();  // what the first left in scratch is of no matter
  return {operands.values(problem), primitive->implementation()};
}

// The same without oneDNN: columns and a generated product.
Floats run_generated(const Problem& problem, const std::vector<Floats>& inputs, int threads) {
  Operands operands(problem, inputs, "");
  weft_im2col_step step = cpu::columns_of(operands.convolution);
  cpu::Jit jit;
  jit.add(cpu::matmul_of(step, operands.convolution.activation, "product"));
  jit.compile();
  step.matmul = &jit.kernel(0);
  cpu::Im2colThunk thunk(step, threads);
  const Memory scratch(thunk.scratch_bytes());
  thunk.bind(operands.pointers, scratch.data());
  thunk.run();
  thunk.run();
  return operands.values(problem);
}

Floats expected(const Problem& problem, const std::vector<Floats>& inputs) {
  std::vector<reference::Tensor> tensors;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    tensors.push_back({problem.operands[i], {inputs[i].begin(), inputs[i].end()}});
  const std::vector<double> result = reference::run<double>(graph_of(problem, false), tensors).front().data;
  return {result.begin(), result.end()};
}

// Largest difference over the root mean square of what is expected.
double distance(const Floats& a, const Floats& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0, squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i])) return INFINITY;
    largest = std::max(largest, std::abs(double(a[i]) - double(b[i])));
    squares += double(b[i]) * double(b[i]);
  }
  return largest / (std::sqrt(squares / double(b.size())) + 1e-3);
}

// Layouts that the weights of a problem may have, the one it asks for first.
std::vector<std::string> layouts_of(const Problem& problem) {
  const ir::Graph graph = graph_of(problem, problem.channels_last);
  const Convolution convolution = convolution_table(graph, graph.ops.front(), "");
  std::vector<std::string> layouts{cpu::preferred_weights_layout(convolution), ""};
  const ir::Type weights = ir::f32({convolution.w[0], convolution.w[1], convolution.w[2], convolution.w[3]});
  for (const char* each : {"OIhw16i16o", "OIhw16o16i", "Ohwi8o", "hwio"})
    if (convolution.groups == 1 && ir::memory_layout_misfit(each, weights).empty()) layouts.push_back(each);
  return layouts;
}

const bool has_avx512 = __builtin_cpu_supports("avx512f");  // the library's Winograd needs it

}  // namespace

TEST_CASE("each direction equals the reference, in planes and channels last, whatever the layout of the weights") {
  Random random(7);
  for (const OpCode code : {OpCode::conv2d, OpCode::conv_transpose2d, OpCode::conv2d_weight_grad})
    for (int i = 0; i < 60; ++i) {
      const Problem problem = random_problem(code, random);
      const std::string description = describe(problem);
      CAPTURE(description);
      const std::vector<Floats> inputs = random_inputs(problem, random);
      const Floats wanted = expected(problem, inputs);
      for (const std::string& layout : layouts_of(problem)) {
        CAPTURE(layout);
        const Outcome one = run(problem, inputs, layout, 1);
        CAPTURE(one.implementation);
        CHECK(distance(one.values, wanted) < 1e-4);
        CHECK(one.implementation.find("ref") == std::string::npos);
        CHECK(run(problem, inputs, layout, 3).values == one.values);
      }
      const Floats generated = run_generated(problem, inputs, 1);
      CHECK(distance(generated, wanted) < 1e-4);
      CHECK(run_generated(problem, inputs, 3) == generated);
    }
}

TEST_CASE("dims of 1 in every place: each direction equals the reference") {
  const char* asked = std::getenv("WEFT_TEST_CONVOLUTIONS");  // of each direction; thousands by hand
  const int count = asked ? std::atoi(asked) : 80;
  std::map<std::string, int> implementations;
  Random random(19);
  for (const OpCode code : {OpCode::conv2d, OpCode::conv_transpose2d, OpCode::conv2d_weight_grad})
    for (int i = 0; i < count; ++i) {
      const Problem problem = narrow_problem(code, random);
      const std::string description = describe(problem);
      CAPTURE(description);
      const std::vector<Floats> inputs = random_inputs(problem, random);
      const Floats wanted = expected(problem, inputs);
      for (const bool winograd : {true, false}) {
        const Outcome one = run(problem, inputs, "", 1, winograd);
        CAPTURE(one.implementation);
        ++implementations[one.implementation.substr(0, one.implementation.find(','))];
        CHECK(distance(one.values, wanted) < 1e-4);
        CHECK(run(problem, inputs, "", 3, winograd).values == one.values);
      }
      const Floats generated = run_generated(problem, inputs, 1);
      CHECK(distance(generated, wanted) < 1e-4);
      CHECK(run_generated(problem, inputs, 3) == generated);
    }
  for (const auto& [name, times] : implementations) MESSAGE(name << ": " << times);
}

TEST_CASE("the convolutions of the zoo run as generated code, by Winograd's products where that is faster") {
  const bool is_second = cpu::onednn_version().starts_with("oneDNN 2.");  // 3.2 has no Winograd for x64
  struct Shape {
    std::int64_t in, out, size, stride;
    const char* forward;
  };
  Random random(11);
  for (const Shape& shape : {Shape{1, 32, 28, 2, "jit"},
                             {32, 64, 14, 2, "jit"},
                             {3, 32, 32, 1, "jit"},
                             {32, 64, 16, 1, "jit_wino"},
                             {64, 128, 8, 1, "jit_wino"},
                             {128, 256, 4, 1, "jit_wino"}}) {
    const std::int64_t batch = 8, out_size = (shape.size - 1) / shape.stride + 1, extra = shape.stride - 1;
    const ir::Type x = ir::f32({batch, shape.in, shape.size, shape.size}), w = ir::f32({shape.out, shape.in, 3, 3}),
                   y = ir::f32({batch, shape.out, out_size, out_size});
    Problem forward, data, weights;
    for (Problem* each : {&forward, &data, &weights}) {
      each->attrs.set(Attr::stride, Sizes{shape.stride, shape.stride}).set(Attr::padding, Sizes{1, 1});
      each->channels_last = true;
    }
    forward.operands = {x, w};
    data.operands = {y, w};
    data.code = OpCode::conv_transpose2d;
    data.attrs.set(Attr::output_padding, Sizes{extra, extra});
    weights.operands = {x, y};
    weights.code = OpCode::conv2d_weight_grad;
    weights.attrs.set(Attr::kernel, Sizes{3, 3});
    const std::string layout = layouts_of(forward).front();
    for (const Problem* each : {&forward, &data, &weights}) {
      const std::string description = describe(*each);
      CAPTURE(description);
      CAPTURE(layout);
      const std::vector<Floats> inputs = random_inputs(*each, random);
      const Outcome direct = run(*each, inputs, layout, 1, false), best = run(*each, inputs, layout, 1);
      CHECK(distance(direct.values, expected(*each, inputs)) < 1e-4);
      CHECK(distance(best.values, direct.values) < 1e-4);
      CHECK(run(*each, inputs, layout, 2).values == best.values);
      CHECK(run(*each, inputs, layout, 4).values == best.values);
      if (each == &forward && is_second)
        CHECK(best.implementation.starts_with(has_avx512 ? shape.forward : "jit:avx2"));
      CHECK(best.implementation.find("ref") == std::string::npos);
      CHECK(best.implementation.find("gemm") == std::string::npos);
    }
  }
}
