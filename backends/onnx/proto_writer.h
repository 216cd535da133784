// Messages in the encoding of protocol buffers: as much of it as ONNX files need.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weft::onnx {

// One message, field by field, in any order; a repeated field is written once for each element.
class ProtoWriter {
 public:
  void integer(int field, std::int64_t value);      // int32, int64 and enums
  void number(int field, float value);              // float
  void bytes(int field, std::string_view payload);  // string, bytes
  void message(int field, const ProtoWriter& inner) { bytes(field, inner.encoded()); }

  const std::string& encoded() const { return encoded_; }
  std::string take() { return std::move(encoded_); }

 private:
  // How what follows a field's number is read.
  enum class WireType : std::uint8_t { varint = 0, length_delimited = 2, fixed32 = 5 };
  void tag(int field, WireType type);
  void varint(std::uint64_t value);

  std::string encoded_;
};

}  // namespace weft::onnx
