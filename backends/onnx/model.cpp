// A model as a message of onnx.proto: the numbers of its fields stand here alone.
#include "backends/onnx/model.h"

#include <limits>

#include "backends/onnx/proto_writer.h"
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

ProtoWriter attribute(const std::string& name, const AttributeValue& value) {
  ProtoWriter out;
  out.bytes(OfAttribute::name, name);
  const auto type = [&](AttributeType of) { out.integer(OfAttribute::type, static_cast<std::int64_t>(of)); };
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    out.integer(OfAttribute::i, *integer);
    type(AttributeType::integer);
  } else if (const auto* number = std::get_if<float>(&value)) {
    out.number(OfAttribute::f, *number);
    type(AttributeType::number);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    out.bytes(OfAttribute::s, *text);
    type(AttributeType::text);
  } else {
    for (const std::int64_t each : std::get<std::vector<std::int64_t>>(value)) out.integer(OfAttribute::ints, each);
    type(AttributeType::integers);
  }
  return out;
}

ProtoWriter node(const Node& node) {
  ProtoWriter out;
  for (const std::string& input : node.inputs) out.bytes(OfNode::input, input);
  out.bytes(OfNode::output, node.output);
  out.bytes(OfNode::name, node.output);
  out.bytes(OfNode::op_type, node.op);
  for (const auto& [name, value] : node.attributes) out.message(OfNode::attribute, attribute(name, value));
  if (!node.doc.empty()) out.bytes(OfNode::doc_string, node.doc);
  return out;
}

ProtoWriter tensor(const Initializer& initializer) {
  ProtoWriter out;
  for (const std::int64_t dim : initializer.dims) out.integer(OfTensor::dims, dim);
  out.integer(OfTensor::data_type, static_cast<std::int64_t>(initializer.type));
  out.bytes(OfTensor::name, initializer.name);
  out.bytes(OfTensor::raw_data, initializer.raw);
  return out;
}

ProtoWriter shape(const ir::Dims& dims) {
  ProtoWriter out;
  for (const ir::Dim& dim : dims) {
    ProtoWriter inner;
    if (dim.is_number())
      inner.integer(OfShape::dim_value, dim.factor);
    else
      inner.bytes(OfShape::dim_param, ir::to_string(dim));
    out.message(OfShape::dim, inner);
  }
  return out;
}

ProtoWriter value_info(const ValueInfo& value) {
  ProtoWriter tensor_type;
  tensor_type.integer(OfType::elem_type, static_cast<std::int64_t>(data_type(value.type.dtype)));
  tensor_type.message(OfType::shape, shape(value.type.dims));
  ProtoWriter type;
  type.message(OfType::tensor_type, tensor_type);
  ProtoWriter out;
  out.bytes(OfValueInfo::name, value.name);
  out.message(OfValueInfo::type, type);
  return out;
}

ProtoWriter graph(const Model& model) {
  ProtoWriter out;
  for (const Node& each : model.nodes) out.message(OfGraph::node, node(each));
  out.bytes(OfGraph::name, model.name);
  for (const Initializer& each : model.initializers) out.message(OfGraph::initializer, tensor(each));
  if (!model.doc.empty()) out.bytes(OfGraph::doc_string, model.doc);
  for (const ValueInfo& each : model.inputs) out.message(OfGraph::input, value_info(each));
  for (const ValueInfo& each : model.outputs) out.message(OfGraph::output, value_info(each));
  for (const ValueInfo& each : model.values) out.message(OfGraph::value_info, value_info(each));
  return out;
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
  ProtoWriter opset;  // of the default domain
  opset.integer(OfOpset::version, kOpset);
  ProtoWriter out;
  out.integer(OfModel::ir_version, kIrVersion);
  out.bytes(OfModel::producer_name, "weft");
  out.bytes(OfModel::producer_version, model.producer_version);
  out.message(OfModel::opset_import, opset);
  out.message(OfModel::graph, graph(model));
  constexpr std::size_t most = std::numeric_limits<std::int32_t>::max();
  if (out.encoded().size() > most)
    fail("{} takes {} bytes as an ONNX file, which holds at most {}; export a smaller model or entry", model.name,
         out.encoded().size(), most);
  return out.take();
}

}  // namespace weft::onnx
