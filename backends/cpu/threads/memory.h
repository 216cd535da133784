// Places on cache lines, and one stretch of zeroed memory on huge pages where the system gives them: first touch and
// page walks cost more than most kernels.
#pragma once

#include <cstddef>
#include <utility>

namespace weft::cpu {

inline constexpr std::size_t kCacheLine = 64;  // bytes, and those of the widest vector

// A number of bytes, rounded up so that what follows begins on a cache line of its own.
constexpr std::size_t aligned(std::size_t bytes) { return (bytes + kCacheLine - 1) / kCacheLine * kCacheLine; }

class HugeMemory {
 public:
  HugeMemory() = default;
  explicit HugeMemory(std::size_t bytes);  // Error where the system has no more
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
