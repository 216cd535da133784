// An ONNX model in memory, and its file. Names are those of onnx.proto, whose fields model.cpp numbers.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ir/type.h"

namespace weft::onnx {

inline constexpr std::int64_t kIrVersion = 8;  // of the file format; what came with the opset
inline constexpr std::int64_t kOpset = 17;     // the version of all operators

// TensorProto.DataType.
enum class DataType : std::uint8_t { f32 = 1, u8 = 2, i32 = 6, i64 = 7, boolean = 9, f16 = 10, bf16 = 16 };
DataType data_type(ir::DType dtype);

// A tensor that comes with the model; `raw` holds its elements row-major, little-endian.
struct Initializer {
  std::string name;
  DataType type = DataType::f32;
  std::vector<std::int64_t> dims;
  std::string raw;
};

using AttributeValue = std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>>;
using Attributes = std::vector<std::pair<std::string, AttributeValue>>;

struct Node {
  std::string op;
  std::vector<std::string> inputs;
  std::string output;  // names the node too: no operator written here has two
  Attributes attributes;
  std::string doc;  // where it comes from
};

// A value's name and type. A dim that is a symbol or a multiple of one is written as text: "B", "2*B".
struct ValueInfo {
  std::string name;
  ir::Type type;
};

struct Model {
  std::string name;  // of its graph
  std::string doc;
  std::string producer_version;
  std::vector<Node> nodes;  // in an order that defines before use
  std::vector<Initializer> initializers;
  std::vector<ValueInfo> inputs, outputs;
  std::vector<ValueInfo> values;  // of what is between them
};

// The bytes of its file. Throws Error where they are more than protocol buffers can hold (2 GiB).
std::string serialize(const Model& model);

}  // namespace weft::onnx
