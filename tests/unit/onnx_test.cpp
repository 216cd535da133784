// ONNX files by the bytes: every inference entry of every model, read back and held against the rules of ONNX and
// against the entry it is of. What the files compute, tests/export/check_onnx.py asks onnxruntime.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "backends/onnx/export.h"
#include "backends/onnx/proto_writer.h"
#include "ir/error.h"
#include "ir/parse.h"
#include "tests/export/onnx_reader.h"
#include "tests/export/subjects.h"

using namespace weft;
using onnx::ExportOptions;
using onnx::Random;
using runtime::HostTensor;
using test::ReadModel;
using test::ReadNode;
using test::ReadTensor;

namespace {

// What opset 17 asks of an operator: how many inputs, and which attributes it knows.
struct Operator {
  std::size_t least, most;
  std::set<std::string> attributes;
};
const std::map<std::string, Operator>& operators() {
  static const std::set<std::string> window = {"kernel_shape", "strides", "pads"};
  static const auto with = [](std::set<std::string> names, std::set<std::string> more) {
    names.merge(more);
    return names;
  };
  static const Operator unary{1, 1, {}}, binary{2, 2, {}};
  static const std::map<std::string, Operator> table = {
      {"Neg", unary},
      {"Abs", unary},
      {"Sign", unary},
      {"Floor", unary},
      {"Exp", unary},
      {"Log", unary},
      {"Sqrt", unary},
      {"Reciprocal", unary},
      {"Sin", unary},
      {"Cos", unary},
      {"Tanh", unary},
      {"Sigmoid", unary},
      {"Softplus", unary},
      {"Erf", unary},
      {"Relu", unary},
      {"Not", unary},
      {"Identity", unary},
      {"Add", binary},
      {"Sub", binary},
      {"Mul", binary},
      {"Div", binary},
      {"Pow", binary},
      {"Max", binary},
      {"Min", binary},
      {"Equal", binary},
      {"Less", binary},
      {"LessOrEqual", binary},
      {"Greater", binary},
      {"GreaterOrEqual", binary},
      {"And", binary},
      {"Or", binary},
      {"Where", {3, 3, {}}},
      {"Cast", {1, 1, {"to"}}},
      {"MatMul", binary},
      {"Gemm", {2, 3, {"transA", "transB"}}},
      {"Conv", {2, 3, with(window, {"dilations", "group"})}},
      {"ConvTranspose", {2, 3, with(window, {"dilations", "group", "output_padding"})}},
      {"MaxPool", {1, 1, window}},
      {"AveragePool", {1, 1, with(window, {"count_include_pad"})}},
      {"GridSample", {2, 2, {"mode", "padding_mode", "align_corners"}}},
      {"ReduceSum", {2, 2, {}}},
      {"ReduceMax", {1, 1, {"axes"}}},
      {"Transpose", {1, 1, {"perm"}}},
      {"Reshape", binary},
      {"Expand", binary},
      {"Concat", {1, 100, {"axis"}}},
      {"Gather", {2, 2, {"axis"}}},
      {"Slice", {4, 4, {}}},
      {"Pad", {2, 2, {}}},
      {"Shape", {1, 1, {"start", "end"}}},
      {"Squeeze", {1, 1, {}}},
      {"Unsqueeze", binary},
      {"Range", {3, 3, {}}},
      {"ScatterND", {3, 3, {"reduction"}}},
      {"RandomNormalLike", unary},
      {"RandomUniformLike", unary}};
  return table;
}

// Zeros for every param and state of the graph.
runtime::NamedTensors weights_of(const ir::Graph& graph) {
  runtime::NamedTensors weights;
  for (const ir::Input& input : graph.inputs)
    if (input.role == ir::Role::param || input.role == ir::Role::state)
      weights.emplace(graph.values[input.value].name,
                      HostTensor::zeros(graph.type(input.value).dtype, ir::numbers(graph.type(input.value).dims)));
  return weights;
}

std::string file_of(const ir::GraphPtr& entry, const ExportOptions& options = {}) {
  return onnx::serialize(onnx::to_onnx(entry, weights_of(*entry), options));
}

ir::GraphPtr parsed(const std::string& text) {
  return std::make_shared<const ir::Graph>(ir::parse_graph(text, "test.weft"));
}

std::string error_of(const ir::GraphPtr& entry, const ExportOptions& options = {}) {
  try {
    file_of(entry, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// Bytes of an element by TensorProto.DataType.
std::size_t element_size(int type) {
  const std::map<int, std::size_t> sizes = {{1, 4}, {2, 1}, {6, 4}, {7, 8}, {9, 1}, {10, 2}, {16, 2}};
  return sizes.at(type);
}

void check_initializer(const ReadTensor& tensor) {
  CAPTURE(tensor.name);
  std::int64_t elements = 1;
  for (const std::int64_t dim : tensor.dims) elements *= dim;
  CHECK(tensor.raw.size() == std::size_t(elements) * element_size(tensor.type));
}

void check_node(const ReadNode& node) {
  CAPTURE(node.op);
  const auto known = operators().find(node.op);
  REQUIRE(known != operators().end());
  CHECK(node.inputs.size() >= known->second.least);
  CHECK(node.inputs.size() <= known->second.most);
  CHECK(node.outputs.size() == 1);
  for (const auto& [name, attribute] : node.attributes) {
    CAPTURE(name);
    CHECK(known->second.attributes.count(name) == 1);
  }
}

// Every name is defined once and before it is used, every initializer is used, every output is there.
void check_structure(const ReadModel& model) {
  CHECK(model.ir_version == 8);
  CHECK(model.opset == 17);
  CHECK(model.producer == "weft");
  std::set<std::string> defined, used;
  const auto define = [&](const std::string& name) {
    CAPTURE(name);
    CHECK_FALSE(name.empty());
    CHECK(defined.insert(name).second);
  };
  for (const test::ReadValue& input : model.inputs) define(input.name);
  for (const ReadTensor& tensor : model.initializers) {
    define(tensor.name);
    check_initializer(tensor);
  }
  for (const ReadNode& node : model.nodes) {
    CAPTURE(node.name);
    check_node(node);
    for (const std::string& input : node.inputs) {
      CHECK(defined.count(input) == 1);
      used.insert(input);
    }
    for (const std::string& output : node.outputs) define(output);
  }
  for (const test::ReadValue& value : model.values) CHECK(defined.count(value.name) == 1);
  for (const test::ReadValue& output : model.outputs) {
    CHECK(defined.count(output.name) == 1);
    used.insert(output.name);
  }
  for (const ReadTensor& tensor : model.initializers) {
    CAPTURE(tensor.name);
    CHECK(used.count(tensor.name) == 1);
  }
}

// "1[B,784]" of f32[B,784].
std::string onnx_type(const ir::Type& type) {
  return fmt::format("{}{}", static_cast<int>(onnx::data_type(type.dtype)), ir::to_string(type.dims));
}

// Whether an output depends on the value.
bool is_needed(const ir::Graph& graph, ir::ValueId value) {
  std::vector<bool> depends(graph.values.size(), false);
  depends[value] = true;
  for (const ir::Op& op : graph.ops)
    for (const ir::ValueId operand : op.operands)
      if (depends[operand]) depends[op.results.front()] = true;
  return std::ranges::any_of(graph.outputs, [&](const ir::Output& output) { return depends[output.value]; });
}

// Inputs, outputs and weights are those of the entry.
void check_interface(const ReadModel& model, const ir::Graph& entry) {
  CHECK(model.graph == entry.name);
  std::size_t next = 0;
  for (const ir::Input& input : entry.inputs) {
    const std::string& name = entry.values[input.value].name;
    CAPTURE(name);
    if (input.role == ir::Role::data) {
      REQUIRE(next < model.inputs.size());
      CHECK(model.inputs[next].name == name);
      CHECK(model.inputs[next++].type == onnx_type(entry.type(input.value)));
    } else if (const ReadTensor* weight = model.initializer(name)) {
      CHECK(weight->dims == ir::numbers(entry.type(input.value).dims));
    } else if (input.role != ir::Role::rng) {
      CHECK_FALSE(is_needed(entry, input.value));
    }
  }
  for (; next < model.inputs.size(); ++next)  // random numbers
    CHECK((model.inputs[next].name.starts_with("uniform.") || model.inputs[next].name.starts_with("normal.")));
  REQUIRE(model.outputs.size() == entry.outputs.size());
  for (std::size_t i = 0; i < entry.outputs.size(); ++i) {
    const std::string& name = entry.outputs[i].name;
    const bool is_input = entry.find_input(name) != ir::kNone;
    CHECK(model.outputs[i].name == (is_input ? name + "_out" : name));
    CHECK(model.outputs[i].type == onnx_type(entry.type(entry.outputs[i].value)));
  }
}

bool draws(const ir::Graph& graph) {
  return std::ranges::any_of(graph.ops, [](const ir::Op& op) {
    return op.code == ir::OpCode::random_normal || op.code == ir::OpCode::random_uniform;
  });
}

std::string first_draw(const ir::Graph& graph) {
  for (const ir::Op& op : graph.ops)
    if (op.code == ir::OpCode::random_normal || op.code == ir::OpCode::random_uniform)
      return fmt::format("{}: [{}]", ir::to_string(op.where), ir::name(op.code));
  return "";
}

}  // namespace

// --- Every entry of every model ------------------------------------------------------------------------------------

TEST_CASE("every inference entry of every model keeps the rules of ONNX, inputs, outputs and weights") {
  std::set<std::string> models;
  int entries = 0;
  for (const test::Subject& subject : test::export_subjects()) {
    models.insert(subject.module.name);
    for (const ir::GraphPtr& entry : test::exported_entries(subject.module)) {
      CAPTURE(subject.name);
      CAPTURE(entry->name);
      for (const Random random : {Random::input, Random::draw}) {
        const std::string file = file_of(entry, {.random = random});
        const ReadModel model = test::read_onnx(file);
        check_structure(model);
        check_interface(model, *entry);
        ++entries;
      }
      const std::string fixed = file_of(entry, {.batch = 3, .random = Random::input});
      check_structure(test::read_onnx(fixed));
      CHECK(fixed.find("2*B") == std::string::npos);
    }
  }
  CHECK(models.size() == 10);  // the nine and the ops
  CHECK(entries > 150);
}

TEST_CASE("an entry for a fixed batch computes no sizes") {
  for (const test::Subject& subject : test::export_subjects())
    for (const ir::GraphPtr& entry : test::exported_entries(subject.module)) {
      CAPTURE(subject.name);
      CAPTURE(entry->name);
      const std::vector<std::string> ops = test::read_onnx(file_of(entry, {.batch = 4, .random = Random::input})).ops();
      CHECK(std::ranges::count(ops, "Shape") == 0);
    }
}

TEST_CASE("an entry that draws random numbers is refused with the op, its line and what to do") {
  int refused = 0;
  for (const test::Subject& subject : test::export_subjects())
    for (const ir::GraphPtr& entry : test::exported_entries(subject.module)) {
      CAPTURE(subject.name);
      CAPTURE(entry->name);
      const std::string error = error_of(entry);
      if (!draws(*onnx::prepared(entry, {}))) {
        CHECK(error.empty());
        continue;
      }
      ++refused;
      CHECK(error.find("--random input") != std::string::npos);
      CHECK(error.find("@" + entry->name) != std::string::npos);
      CHECK(error.find(first_draw(*onnx::prepared(entry, {}))) == 0);
    }
  CHECK(refused > 10);
}

// --- What single ops become ----------------------------------------------------------------------------------------

TEST_CASE("attributes of convolutions and pooling, and a bias inside") {
  const std::string file = file_of(parsed(R"(
graph @g(%x: f32[B,4,9,10], %w: f32[6,2,3,5] {role=param, init=constant(0)}, %b: f32[6] {role=param, init=constant(0)}) -> (y: f32[B,6,3,4]) {
  %h = conv2d %x, %w {stride=[2,3], padding=[1,2], dilation=[2,1], groups=2} : f32[B,6,4,4]
  %c = reshape %b : f32[6,1,1]
  %z = add %h, %c
  %y = max_pool2d %z {kernel=[2,3], stride=[1,1], padding=[0,1]} : f32[B,6,3,4]
  return %y
})"));
  const ReadModel model = test::read_onnx(file);
  REQUIRE(model.ops() == std::vector<std::string>{"Conv", "MaxPool"});
  const ReadNode& conv = model.nodes[0];
  CHECK(conv.inputs == std::vector<std::string>{"x", "w", "b"});
  using Integers = std::vector<std::int64_t>;
  CHECK(conv.attributes.at("kernel_shape").ints == Integers{3, 5});
  CHECK(conv.attributes.at("strides").ints == Integers{2, 3});
  CHECK(conv.attributes.at("pads").ints == Integers{1, 2, 1, 2});
  CHECK(conv.attributes.at("dilations").ints == Integers{2, 1});
  CHECK(conv.attributes.at("group").i == 2);
  const ReadNode& pool = model.nodes[1];
  CHECK(pool.outputs == std::vector<std::string>{"y"});
  CHECK(pool.attributes.at("pads").ints == Integers{0, 1, 0, 1});
}

TEST_CASE("a linear layer is one Gemm, and weights come with their bytes") {
  const ir::GraphPtr entry = parsed(R"(
graph @g(%x: f32[B,2], %w: f32[2,3] {role=param, init=constant(0)}, %b: f32[3] {role=param, init=constant(0)}) -> (y: f32[B,3]) {
  %h = matmul %x, %w
  %z = add %h, %b
  %y = relu %z
  return %y
})");
  const std::vector<float> w = {1, 2, 3, 4, 5, 6}, b = {7, 8, 9};
  const runtime::NamedTensors weights = {{"w", HostTensor::of(std::span(w), {2, 3})},
                                         {"b", HostTensor::of(std::span(b), {3})}};
  const std::string file = onnx::serialize(onnx::to_onnx(entry, weights, {}));
  const ReadModel model = test::read_onnx(file);
  CHECK(model.ops() == std::vector<std::string>{"Gemm", "Relu"});
  REQUIRE(model.initializer("w"));
  CHECK(std::memcmp(model.initializer("w")->raw.data(), w.data(), w.size() * sizeof(float)) == 0);
}

TEST_CASE("a reshape that keeps the batch needs no size") {
  const std::string file = file_of(parsed(R"(
graph @g(%x: f32[B,3,4]) -> (y: f32[B,12], z: f32[3*B,4]) {
  %y = reshape %x : f32[B,12]
  %z = reshape %x : f32[3*B,4]
  return %y, %z
})"));
  const ReadModel model = test::read_onnx(file);
  CHECK(model.ops() == std::vector<std::string>{"Reshape", "Reshape"});
  const auto target = [&](int node) {
    const std::string_view raw = model.initializer(model.nodes[std::size_t(node)].inputs[1])->raw;
    std::vector<std::int64_t> sizes(raw.size() / 8);
    std::memcpy(sizes.data(), raw.data(), raw.size());
    return sizes;
  };
  CHECK(target(0) == std::vector<std::int64_t>{0, 12});
  CHECK(target(1) == std::vector<std::int64_t>{-1, 4});
  CHECK(model.outputs[1].type == "1[3*B,4]");
}

TEST_CASE("where it comes from: a node has the scope in its name and the user's line") {
  const std::string file = file_of(parsed(R"(
graph @g(%x: f32[B,3]) -> (y: f32[B,3]) {
  %0 = exp %x : f32[B,3] @ encoder/fc1 "model.cpp":41
  %y = neg %0 : f32[B,3] @ encoder "model.cpp":42
  return %y
})"));
  const ReadModel model = test::read_onnx(file);
  CHECK(model.nodes[0].name == "encoder/fc1/Exp");
  CHECK(model.nodes[0].doc == "model.cpp:41 (encoder/fc1)");
  CHECK(model.nodes[1].outputs.front() == "y");
}

// --- Errors --------------------------------------------------------------------------------------------------------

TEST_CASE("what has no ONNX form") {
  CHECK(error_of(parsed(R"(
graph @step(%x: f32[B,3], %w: f32[3] {role=param, init=constant(0)}) -> (w: f32[3]) {
  %s = reduce_sum %x {axes=[0]}
  %r = reshape %s : f32[3]
  return w = %r donates %w
})")) == "entry @step changes the model's state (w): a training step has no ONNX form; export an entry for inference, "
         "such as encode");
  CHECK(error_of(parsed(R"(
graph @g(%x: f32[B,1,4,4], %d: f32[B,1,2,2]) -> (y: f32[B,1,4,4]) {
  %y = max_pool2d_grad %x, %d {kernel=[2,2], stride=[2,2]} @ pool "model.cpp":7
  return %y
})")) == "model.cpp:7 (pool): [max_pool2d_grad] has no ONNX form: it belongs to a training step, and ONNX files hold "
         "inference; export an entry such as encode, as it is before differentiate");
  CHECK(error_of(parsed(R"(
graph @g(%x: f32[B,4]) -> (y: f32[B,4]) {
  %y = fused(%x) { %0 = exp %x ; yield %0 } : f32[B,4]
  return %y
})"))
            .find("[fused] has no ONNX form: it is what passes make on the way to a backend") != std::string::npos);
  CHECK(error_of(parsed(R"(
graph @g(%x: f32[3]) -> (y: f32[B]) {
  %y = iota {axis=0} : f32[B]
  return %y
})")) == "entry @g has values of size B, which no input tells; export it for a fixed batch (--batch N)");
}

TEST_CASE("a weight that is missing or of another shape") {
  const ir::GraphPtr entry = parsed(R"(
graph @g(%x: f32[B,2], %w: f32[2,3] {role=param, init=constant(0)}) -> (y: f32[B,3]) {
  %y = matmul %x, %w
  return %y
})");
  const auto error = [&](const runtime::NamedTensors& weights) -> std::string {
    try {
      onnx::to_onnx(entry, weights, {});
    } catch (const Error& caught) {
      return caught.what();
    }
    return "";
  };
  CHECK(error({}) == "entry @g needs the weight w, which is not there");
  CHECK(error({{"w", HostTensor::zeros(ir::DType::f32, {3, 2})}}) ==
        "entry @g needs the weight w as f32[2,3], got f32[3,2]");
}

// --- Protocol buffers ----------------------------------------------------------------------------------------------

TEST_CASE("the examples of the protocol buffers' documentation") {
  onnx::ProtoWriter varint;
  varint.integer(1, 150);
  CHECK(varint.encoded() == std::string("\x08\x96\x01", 3));
  onnx::ProtoWriter text;
  text.bytes(2, "testing");
  CHECK(text.encoded() == "\x12\x07testing");
  onnx::ProtoWriter inner;
  inner.message(3, varint);
  CHECK(inner.encoded() == std::string("\x1a\x03\x08\x96\x01", 5));
  onnx::ProtoWriter negative;  // ten bytes, as two's complement of 64 bits
  negative.integer(1, -1);
  CHECK(negative.encoded() == "\x08" + std::string(9, '\xff') + "\x01");
  onnx::ProtoWriter number;
  number.number(2, 1.0f);
  CHECK(number.encoded() == std::string("\x15\x00\x00\x80\x3f", 5));
}

TEST_CASE("the reader of these tests refuses what is no message") {
  CHECK_THROWS_AS(test::read_proto("\x12\x07test"), Error);
  CHECK_THROWS_AS(test::read_proto("\x08"), Error);
  CHECK_THROWS_AS(test::read_onnx("\x08\x08"), Error);
}
