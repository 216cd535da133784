// A model as a message of onnx.proto: the numbers of its fields stand here alone.
#include "backends/onnx/model.h"

#include <limits>
#include <protozero/pbf_writer.hpp>

#include "ir/error.h"

namespace weft::onnx {

namespace {

struct OfModel {
  static constexpr int ir_version = 1, producer_name = 2, producer_version = 3, graph = 7, opset_import = 8;
};
struct OfOpset {
  static constexpr int version = 2;
};
struct OfGraph {
  static constexpr int node = 1, name = 2, initializer = 5, doc_string = 10, input = 11, output = 12, value_info = 13;
};
struct OfNode {
  static constexpr int input = 1, output = 2, name = 3, op_type = 4, attribute = 5, doc_string = 6;
};
struct OfAttribute {
  static constexpr int name = 1, f = 2, i = 3, s = 4, ints = 8, type = 20;
};
struct OfTensor {
  static constexpr int dims = 1, data_type = 2, name = 8, raw_data = 9;
};
struct OfValueInfo {
  static constexpr int name = 1, type = 2;
};
struct OfType {
  static constexpr int tensor_type = 1, elem_type = 1, shape = 2;
};
struct OfShape {
  static constexpr int dim = 1, dim_value = 1, dim_param = 2;
};

// AttributeProto.AttributeType.
enum class AttributeType : std::uint8_t { number = 1, integer = 2, text = 3, integers = 7 };

using Writer = protozero::pbf_writer;

void write_attribute(Writer out, const std::string& name, const AttributeValue& value) {
  out.add_string(OfAttribute::name, name);
  const auto type = [&](AttributeType of) { out.add_enum(OfAttribute::type, static_cast<std::int32_t>(of)); };
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    out.add_int64(OfAttribute::i, *integer);
    type(AttributeType::integer);
  } else if (const auto* number = std::get_if<float>(&value)) {
    out.add_float(OfAttribute::f, *number);
    type(AttributeType::number);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    out.add_bytes(OfAttribute::s, *text);
    type(AttributeType::text);
  } else {
    for (const std::int64_t each : std::get<std::vector<std::int64_t>>(value)) out.add_int64(OfAttribute::ints, each);
    type(AttributeType::integers);
  }
}

void write_node(Writer out, const Node& node) {
  for (const std::string& input : node.inputs) out.add_string(OfNode::input, input);
  out.add_string(OfNode::output, node.output);
  out.add_string(OfNode::name, node.output);
  out.add_string(OfNode::op_type, node.op);
  for (const auto& [name, value] : node.attributes) write_attribute({out, OfNode::attribute}, name, value);
  if (!node.doc.empty()) out.add_string(OfNode::doc_string, node.doc);
}

void write_tensor(Writer out, const Initializer& initializer) {
  for (const std::int64_t dim : initializer.dims) out.add_int64(OfTensor::dims, dim);
  out.add_enum(OfTensor::data_type, static_cast<std::int32_t>(initializer.type));
  out.add_string(OfTensor::name, initializer.name);
  out.add_bytes(OfTensor::raw_data, initializer.raw);
}

void write_shape(Writer out, const ir::Dims& dims) {
  for (const ir::Dim& dim : dims) {
    Writer inner(out, OfShape::dim);
    if (dim.is_number())
      inner.add_int64(OfShape::dim_value, dim.factor);
    else
      inner.add_string(OfShape::dim_param, ir::to_string(dim));
  }
}

void write_value_info(Writer out, const ValueInfo& value) {
  out.add_string(OfValueInfo::name, value.name);
  Writer type(out, OfValueInfo::type);
  Writer tensor_type(type, OfType::tensor_type);
  tensor_type.add_enum(OfType::elem_type, static_cast<std::int32_t>(data_type(value.type.dtype)));
  if (value.type.dims.empty())
    tensor_type.add_message(OfType::shape, std::string());  // rank 0; protozero leaves out an empty message of a Writer
  else
    write_shape({tensor_type, OfType::shape}, value.type.dims);
}

void write_graph(Writer out, const Model& model) {
  for (const Node& each : model.nodes) write_node({out, OfGraph::node}, each);
  out.add_string(OfGraph::name, model.name);
  for (const Initializer& each : model.initializers) write_tensor({out, OfGraph::initializer}, each);
  if (!model.doc.empty()) out.add_string(OfGraph::doc_string, model.doc);
  for (const ValueInfo& each : model.inputs) write_value_info({out, OfGraph::input}, each);
  for (const ValueInfo& each : model.outputs) write_value_info({out, OfGraph::output}, each);
  for (const ValueInfo& each : model.values) write_value_info({out, OfGraph::value_info}, each);
}

}  // namespace

DataType data_type(ir::DType dtype) {
  switch (dtype) {
    case ir::DType::f32:
      return DataType::f32;
    case ir::DType::bf16:
      return DataType::bf16;
    case ir::DType::f16:
      return DataType::f16;
    case ir::DType::i32:
      return DataType::i32;
    case ir::DType::u8:
      return DataType::u8;
    case ir::DType::boolean:
      return DataType::boolean;
  }
  throw InternalError("onnx: a dtype without a data type");
}

std::string serialize(const Model& model) {
  std::string bytes;
  {
    Writer out(bytes);
    out.add_int64(OfModel::ir_version, kIrVersion);
    out.add_string(OfModel::producer_name, "weft");
    out.add_string(OfModel::producer_version, model.producer_version);
    Writer(out, OfModel::opset_import).add_int64(OfOpset::version, kOpset);  // of the default domain
    write_graph({out, OfModel::graph}, model);
  }
  constexpr std::size_t most = std::numeric_limits<std::int32_t>::max();
  if (bytes.size() > most)
    fail("{} takes {} bytes as an ONNX file, which holds at most {}; export a smaller model or entry", model.name,
         bytes.size(), most);
  return bytes;
}

}  // namespace weft::onnx
