// Cache-line offsets, and one block of zeroed memory on huge pages if the system provides them: first touches and page
// walks cost more than most kernels.
#pragma once

#include <cstddef>
#include <utility>

namespace weft::cpu {

inline constexpr std::size_t kCacheLine = 64;  // in bytes; also the size of the widest vector

// Rounds a number of bytes up to a whole number of cache lines.
constexpr std::size_t aligned(std::size_t bytes) { return (bytes + kCacheLine - 1) / kCacheLine * kCacheLine; }

class HugeMemory {
 public:
  HugeMemory() = default;
  explicit HugeMemory(std::size_t bytes);  // throws Error if the system has no more memory
  ~HugeMemory();
  HugeMemory(HugeMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  HugeMemory& operator=(HugeMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  std::byte* data() const { return data_; }
  std::size_t size() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;  // as mapped
};

}  // namespace weft::cpu
