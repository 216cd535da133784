// A tensor in host memory: element type, shape and bytes, row-major. Files, data sets and programs exchange it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "ir/type.h"

namespace weft::runtime {

// Allocates at 64-byte boundaries, so that a tensor starts on a cache line and vector loads are aligned.
template <typename T>
struct AlignedAllocator {
  using value_type = T;
  static constexpr std::align_val_t alignment{64};

  AlignedAllocator() = default;
  template <typename U>
  AlignedAllocator(const AlignedAllocator<U>&) {}  // the standard requires it

  T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), alignment)); }
  void deallocate(T* pointer, std::size_t) { ::operator delete(pointer, alignment); }
  template <typename U>
  bool operator==(const AlignedAllocator<U>&) const {
    return true;
  }
};

using AlignedBytes = std::vector<std::byte, AlignedAllocator<std::byte>>;

// The number of elements of `shape`: 1 for a scalar. Throws Error on a negative dim or a product beyond 2^62.
std::int64_t element_count(std::span<const std::int64_t> shape);

struct HostTensor {
  ir::DType dtype = ir::DType::f32;
  std::vector<std::int64_t> shape;
  AlignedBytes bytes;  // element_count(shape) * size_of(dtype)

  static HostTensor zeros(ir::DType dtype, std::vector<std::int64_t> shape);

  // A copy of `values`. Throws Error if their number does not match `shape`.
  template <typename T>
  static HostTensor of(std::span<const T> values, std::vector<std::int64_t> shape);

  std::int64_t elements() const { return element_count(shape); }

  // The elements as T: float for f32, int32_t for i32, uint8_t for u8 and bool, uint16_t for the bits of bf16 and f16.
  // Throws Error if T does not match the dtype.
  template <typename T>
  std::span<T> as();
  template <typename T>
  std::span<const T> as() const;

  bool operator==(const HostTensor&) const = default;
};

std::string to_string(const HostTensor& tensor);  // the type: "f32[2,3]"

namespace detail {

template <typename T>
constexpr bool holds(ir::DType dtype) {
  switch (dtype) {
    case ir::DType::f32:
      return std::is_same_v<T, float>;
    case ir::DType::bf16:
    case ir::DType::f16:
      return std::is_same_v<T, std::uint16_t>;
    case ir::DType::i32:
      return std::is_same_v<T, std::int32_t>;
    case ir::DType::u8:
    case ir::DType::boolean:
      return std::is_same_v<T, std::uint8_t>;
  }
  return false;
}

template <typename T>
constexpr ir::DType dtype_of() {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, std::int32_t> || std::is_same_v<T, std::uint8_t>);
  if constexpr (std::is_same_v<T, float>) return ir::DType::f32;
  if constexpr (std::is_same_v<T, std::int32_t>) return ir::DType::i32;
  return ir::DType::u8;
}

[[noreturn]] void fail_access(const HostTensor& tensor, std::size_t element_size);
[[noreturn]] void fail_count(const HostTensor& tensor, std::size_t given);

}  // namespace detail

template <typename T>
std::span<T> HostTensor::as() {
  if (!detail::holds<T>(dtype)) detail::fail_access(*this, sizeof(T));
  return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
}

template <typename T>
std::span<const T> HostTensor::as() const {
  if (!detail::holds<T>(dtype)) detail::fail_access(*this, sizeof(T));
  return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
}

template <typename T>
HostTensor HostTensor::of(std::span<const T> values, std::vector<std::int64_t> shape) {
  HostTensor tensor{detail::dtype_of<T>(), std::move(shape), {}};
  if (static_cast<std::int64_t>(values.size()) != tensor.elements()) detail::fail_count(tensor, values.size());
  const auto* first = reinterpret_cast<const std::byte*>(values.data());
  tensor.bytes.assign(first, first + values.size_bytes());
  return tensor;
}

}  // namespace weft::runtime
