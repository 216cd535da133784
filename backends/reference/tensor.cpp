// Rounding to each dtype, and the bits in memory.
#include "backends/reference/tensor.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "ir/error.h"

namespace weft::reference {

using ir::DType;

namespace {

// A binary float format: bits of the fraction and of the exponent; exponents run from 1 - bias (also of denormals) to
// bias.
struct FloatFormat {
  int fraction_bits;
  int exponent_bits;
  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
};
constexpr FloatFormat kBfloat16{7, 8};
constexpr FloatFormat kFloat16{10, 5};

double round_float(double value, FloatFormat format) {
  if (value == 0 || !std::isfinite(value)) return value;
  const int exponent = std::max(std::ilogb(value), 1 - format.bias());
  const double unit = std::ldexp(1.0, exponent - format.fraction_bits);
  const double rounded = std::nearbyint(value / unit) * unit;
  const double limit = std::ldexp(1.0, format.bias() + 1);
  return std::abs(rounded) < limit ? rounded : std::copysign(std::numeric_limits<double>::infinity(), value);
}

double wrap(double value, double lowest, double count) {
  if (!std::isfinite(value)) return 0;
  const double offset = std::fmod(std::trunc(value) - lowest, count);
  return lowest + (offset < 0 ? offset + count : offset);
}

std::uint16_t encode(double value, FloatFormat format) {
  const std::uint32_t sign = std::signbit(value) ? 0x8000u : 0u;
  const std::uint32_t infinity = ((1u << format.exponent_bits) - 1) << format.fraction_bits;
  if (std::isnan(value)) return std::uint16_t(sign | infinity | (1u << (format.fraction_bits - 1)));
  if (std::isinf(value)) return std::uint16_t(sign | infinity);
  if (value == 0) return std::uint16_t(sign);
  const int exponent = std::max(std::ilogb(value), 1 - format.bias());
  // The fraction includes the leading bit unless denormal: adding it to the exponent field minus one sets both.
  const auto fraction = std::uint32_t(std::ldexp(std::abs(value), format.fraction_bits - exponent));
  return std::uint16_t(sign | ((std::uint32_t(exponent + format.bias() - 1) << format.fraction_bits) + fraction));
}

double decode(std::uint16_t bits, FloatFormat format) {
  const int field = (bits >> format.fraction_bits) & ((1 << format.exponent_bits) - 1);
  const int fraction = bits & ((1 << format.fraction_bits) - 1);
  double magnitude;
  if (field == (1 << format.exponent_bits) - 1)
    magnitude = fraction == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  else if (field == 0)
    magnitude = std::ldexp(double(fraction), 1 - format.bias() - format.fraction_bits);
  else
    magnitude =
        std::ldexp(double(fraction + (1 << format.fraction_bits)), field - format.bias() - format.fraction_bits);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

template <typename Element, typename Decode>
void read(const void* memory, std::vector<double>& data, Decode to_number) {
  const auto* bytes = static_cast<const std::byte*>(memory);
  for (std::size_t i = 0; i < data.size(); ++i) {
    Element element;
    std::memcpy(&element, bytes + i * sizeof element, sizeof element);
    data[i] = to_number(element);
  }
}

template <typename Element, typename Encode>
void write(const std::vector<double>& data, void* memory, Encode to_element) {
  auto* bytes = static_cast<std::byte*>(memory);
  for (std::size_t i = 0; i < data.size(); ++i) {
    const Element element = to_element(data[i]);
    std::memcpy(bytes + i * sizeof element, &element, sizeof element);
  }
}

}  // namespace

Tensor filled(const ir::Type& type, double value) {
  return {type, std::vector<double>(std::size_t(type.elements()), value)};
}

double round_to(DType dtype, double value) {
  switch (dtype) {
    case DType::f32:
      return double(float(value));
    case DType::bf16:
      return round_float(value, kBfloat16);
    case DType::f16:
      return round_float(value, kFloat16);
    case DType::i32:
      return wrap(value, -0x1p31, 0x1p32);
    case DType::u8:
      return wrap(value, 0, 0x1p8);
    case DType::boolean:
      return value != 0 ? 1 : 0;
  }
  throw InternalError("round_to: no such dtype");
}

Tensor from_bytes(const ir::Type& type, const void* memory) {
  Tensor tensor = filled(type, 0);
  switch (type.dtype) {
    case DType::f32:
      read<float>(memory, tensor.data, [](float x) { return double(x); });
      break;
    case DType::bf16:
      read<std::uint16_t>(memory, tensor.data, [](std::uint16_t bits) { return decode(bits, kBfloat16); });
      break;
    case DType::f16:
      read<std::uint16_t>(memory, tensor.data, [](std::uint16_t bits) { return decode(bits, kFloat16); });
      break;
    case DType::i32:
      read<std::int32_t>(memory, tensor.data, [](std::int32_t x) { return double(x); });
      break;
    case DType::u8:
      read<std::uint8_t>(memory, tensor.data, [](std::uint8_t x) { return double(x); });
      break;
    case DType::boolean:
      read<std::uint8_t>(memory, tensor.data, [](std::uint8_t x) { return x != 0 ? 1.0 : 0.0; });
      break;
  }
  return tensor;
}

void to_bytes(const Tensor& tensor, void* memory) {
  switch (tensor.type.dtype) {
    case DType::f32:
      write<float>(tensor.data, memory, [](double x) { return float(x); });
      break;
    case DType::bf16:
      write<std::uint16_t>(tensor.data, memory, [](double x) { return encode(x, kBfloat16); });
      break;
    case DType::f16:
      write<std::uint16_t>(tensor.data, memory, [](double x) { return encode(x, kFloat16); });
      break;
    case DType::i32:
      write<std::int32_t>(tensor.data, memory, [](double x) { return std::int32_t(x); });
      break;
    case DType::u8:
    case DType::boolean:
      write<std::uint8_t>(tensor.data, memory, [](double x) { return std::uint8_t(x); });
      break;
  }
}

}  // namespace weft::reference
