// Reads the protocol buffers of an ONNX file back, for tests: written apart from what writes them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weft::test {

// The fields of one message, by number: varints and fixed32 as numbers, everything else as bytes.
struct ProtoField {
  std::uint64_t number = 0;
  std::string_view bytes;
};
using ProtoMessage = std::multimap<int, ProtoField>;
// Throws Error where the bytes are no message.
ProtoMessage read_proto(std::string_view bytes);

struct ReadAttribute {
  int type = 0;
  float f = 0;
  std::int64_t i = 0;
  std::string s;
  std::vector<std::int64_t> ints;
};

struct ReadNode {
  std::string op, name, doc;
  std::vector<std::string> inputs, outputs;
  std::map<std::string, ReadAttribute> attributes;
};

struct ReadTensor {
  std::string name;
  int type = 0;
  std::vector<std::int64_t> dims;
  std::string_view raw;  // of the file
};

struct ReadValue {
  std::string name, type;  // "f32[B,784]" as ONNX numbers types: "1[B,784]"
};

struct ReadModel {
  std::int64_t ir_version = 0, opset = 0;
  std::string producer, graph;
  std::vector<ReadNode> nodes;
  std::vector<ReadTensor> initializers;
  std::vector<ReadValue> inputs, outputs, values;

  const ReadTensor* initializer(std::string_view name) const;
  std::vector<std::string> ops() const;  // of the nodes, in order
};
ReadModel read_onnx(std::string_view file);

}  // namespace weft::test
