// Varints, tags and lengths.
#include "backends/onnx/proto_writer.h"

#include <bit>

namespace weft::onnx {

// Seven bits a byte, the lowest first; the eighth says that more follow.
void ProtoWriter::varint(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) encoded_ += static_cast<char>(value | 0x80);
  encoded_ += static_cast<char>(value);
}

void ProtoWriter::tag(int field, WireType type) {
  varint(static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(type));
}

void ProtoWriter::integer(int field, std::int64_t value) {
  tag(field, WireType::varint);
  varint(static_cast<std::uint64_t>(value));
}

void ProtoWriter::number(int field, float value) {
  tag(field, WireType::fixed32);
  const auto bits = std::bit_cast<std::uint32_t>(value);
  for (int shift = 0; shift < 32; shift += 8) encoded_ += static_cast<char>(bits >> shift);
}

void ProtoWriter::bytes(int field, std::string_view payload) {
  tag(field, WireType::length_delimited);
  varint(payload.size());
  encoded_ += payload;
}

}  // namespace weft::onnx
