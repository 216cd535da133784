// Decoding, by the numbers in onnx.proto.
#include "tests/export/onnx_reader.h"

#include <bit>

#include "ir/error.h"

namespace weft::test {

namespace {

std::uint64_t read_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (bytes.empty()) fail("proto: cut short");
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= std::uint64_t(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  fail("proto: a varint of more than ten bytes");
}

std::string_view take(std::string_view& bytes, std::size_t count) {
  if (count > bytes.size()) fail("proto: cut short");
  const std::string_view taken = bytes.substr(0, count);
  bytes.remove_prefix(count);
  return taken;
}

ProtoField read_field(std::string_view& bytes, std::uint64_t wire_type) {
  if (wire_type == 0) return {read_varint(bytes), {}};
  if (wire_type == 2) {
    const std::uint64_t size = read_varint(bytes);
    return {0, take(bytes, size)};
  }
  if (wire_type != 5) fail("proto: wire type {}", wire_type);
  std::uint64_t value = 0;
  int shift = 0;
  for (const char byte : take(bytes, 4)) {
    value |= std::uint64_t(static_cast<unsigned char>(byte)) << shift;
    shift += 8;
  }
  return {value, {}};
}

const ProtoField& one(const ProtoMessage& message, int field) {
  if (message.count(field) != 1) fail("proto: field {} {} times", field, message.count(field));
  return message.find(field)->second;
}
std::string text(const ProtoMessage& message, int field) { return std::string(one(message, field).bytes); }
std::int64_t integer(const ProtoMessage& message, int field) {
  return static_cast<std::int64_t>(one(message, field).number);
}

template <typename Make>
auto each(const ProtoMessage& message, int field, const Make& make) {
  std::vector<decltype(make(ProtoField()))> all;
  const auto [begin, end] = message.equal_range(field);
  for (auto i = begin; i != end; ++i) all.push_back(make(i->second));
  return all;
}
std::vector<std::string> texts(const ProtoMessage& message, int field) {
  return each(message, field, [](const ProtoField& value) { return std::string(value.bytes); });
}
std::vector<std::int64_t> integers(const ProtoMessage& message, int field) {
  return each(message, field, [](const ProtoField& value) { return static_cast<std::int64_t>(value.number); });
}

ReadAttribute read_attribute(const ProtoMessage& message) {
  ReadAttribute attribute;
  attribute.type = static_cast<int>(integer(message, 20));
  if (attribute.type == 1) attribute.f = std::bit_cast<float>(static_cast<std::uint32_t>(one(message, 2).number));
  if (attribute.type == 2) attribute.i = integer(message, 3);
  if (attribute.type == 3) attribute.s = text(message, 4);
  if (attribute.type == 7) attribute.ints = integers(message, 8);
  return attribute;
}

ReadNode read_node(const ProtoField& field) {
  const ProtoMessage message = read_proto(field.bytes);
  ReadNode node{text(message, 4),  text(message, 3),  message.count(6) ? text(message, 6) : "",
                texts(message, 1), texts(message, 2), {}};
  for (const ProtoMessage& attribute :
       each(message, 5, [](const ProtoField& value) { return read_proto(value.bytes); }))
    if (!node.attributes.emplace(text(attribute, 1), read_attribute(attribute)).second)
      fail("node {} has an attribute twice", node.name);
  return node;
}

ReadTensor read_tensor(const ProtoField& field) {
  const ProtoMessage message = read_proto(field.bytes);
  return {text(message, 8), static_cast<int>(integer(message, 2)), integers(message, 1), one(message, 9).bytes};
}

std::string read_dim(const ProtoField& field) {
  const ProtoMessage message = read_proto(field.bytes);
  return message.count(2) ? text(message, 2) : fmt::format("{}", integer(message, 1));
}

ReadValue read_value(const ProtoField& field) {
  const ProtoMessage message = read_proto(field.bytes);
  const ProtoMessage tensor = read_proto(one(read_proto(one(message, 2).bytes), 1).bytes);
  const std::vector<std::string> dims = each(read_proto(one(tensor, 2).bytes), 1, read_dim);
  return {text(message, 1), fmt::format("{}[{}]", integer(tensor, 1), fmt::join(dims, ","))};
}

}  // namespace

ProtoMessage read_proto(std::string_view bytes) {
  ProtoMessage message;
  while (!bytes.empty()) {
    const std::uint64_t tag = read_varint(bytes);
    message.emplace(static_cast<int>(tag >> 3), read_field(bytes, tag & 7));
  }
  return message;
}

const ReadTensor* ReadModel::initializer(std::string_view name) const {
  for (const ReadTensor& each : initializers)
    if (each.name == name) return &each;
  return nullptr;
}

std::vector<std::string> ReadModel::ops() const {
  std::vector<std::string> ops;
  for (const ReadNode& node : nodes) ops.push_back(node.op);
  return ops;
}

ReadModel read_onnx(std::string_view file) {
  const ProtoMessage model = read_proto(file);
  const ProtoMessage graph = read_proto(one(model, 7).bytes);
  return {integer(model, 1),
          integer(read_proto(one(model, 8).bytes), 2),
          text(model, 2),
          text(graph, 2),
          each(graph, 1, read_node),
          each(graph, 5, read_tensor),
          each(graph, 11, read_value),
          each(graph, 12, read_value),
          each(graph, 13, read_value)};
}

}  // namespace weft::test
