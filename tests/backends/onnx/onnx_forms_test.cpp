// What single ops become in an ONNX file, what has no form, and the encoding below.
#include <doctest/doctest.h>

#include <cstring>

#include "backends/onnx/model.h"
#include "ir/text/parse.h"
#include "tests/export/onnx_files.h"
#include "tests/export/onnx_reader.h"

using namespace weft;
using runtime::HostTensor;
using test::error_of;
using test::file_of;
using test::ReadModel;
using test::ReadNode;

namespace {

ir::GraphPtr parsed(const std::string& text) {
  return std::make_shared<const ir::Graph>(ir::parse_graph(text, "test.weft"));
}

}  // namespace

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

TEST_CASE("a model is the message that onnx.proto says, byte by byte") {
  onnx::Model model;
  model.name = "g";
  model.producer_version = "1";
  model.nodes = {{"Clip", {"x"}, "y", {{"axis", std::int64_t{-1}}, {"alpha", 1.0f}}, ""}};
  const std::string axis =
      "\x0a\x04"
      "axis\x18" +
      std::string(9, '\xff') + "\x01\xa0\x01\x02";  // -1 takes ten bytes
  const std::string alpha =
      "\x0a\x05"
      "alpha\x15" +
      std::string("\x00\x00\x80\x3f", 4) + "\xa0\x01\x01";
  const auto part = [](char tag, const std::string& bytes) { return tag + std::string(1, char(bytes.size())) + bytes; };
  const std::string node =
      "\x0a\x01x\x12\x01y\x1a\x01y\x22\x04"
      "Clip" +
      part('\x2a', axis) + part('\x2a', alpha);
  const std::string graph = part('\x0a', node) + "\x12\x01g";
  CHECK(onnx::serialize(model) ==
        "\x08\x08\x12\x04weft\x1a\x01"
        "1\x42\x02\x10\x11" +
            part('\x3a', graph));
}

TEST_CASE("a value of rank 0 says so: a shape without dims, not none") {
  onnx::Model model;
  model.outputs = {{"s", {ir::DType::f32, {}}}};
  const std::string scalar = std::string("\x0a\x04\x08\x01\x12", 5) + '\0';  // a tensor of f32 and an empty shape
  CHECK(onnx::serialize(model).find(scalar) != std::string::npos);
}

TEST_CASE("the reader of these tests refuses what is no message") {
  CHECK_THROWS_AS(test::read_proto("\x12\x07test"), Error);
  CHECK_THROWS_AS(test::read_proto("\x08"), Error);
  CHECK_THROWS_AS(test::read_onnx("\x08\x08"), Error);
}
