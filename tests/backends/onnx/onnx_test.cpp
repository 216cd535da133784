// ONNX files by the bytes: every inference entry of every model, read back and held against the rules of ONNX and
// against the entry it is of. What the files compute, tests/export/check_onnx.py asks onnxruntime.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "tests/export/onnx_files.h"
#include "tests/export/onnx_reader.h"
#include "tests/export/subjects.h"
#include "tests/ir/elementwise_ops.h"

using namespace weft;
using onnx::Random;
using test::error_of;
using test::file_of;
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
      {"Clip", {3, 3, {}}},
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
      return fmt::format("{}: [{}]", ir::to_string(op.location), ir::name(op.code));
  return "";
}

}  // namespace

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

TEST_CASE("every elementwise op has a form in ONNX") {
  for (const ir::OpCode code : test::elementwise_ops()) {
    CAPTURE(ir::name(code));
    const auto graph = std::make_shared<const ir::Graph>(test::graph_of_elementwise(code));
    CHECK(file_of(graph).find(ir::info(code).onnx) != std::string::npos);
  }
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
