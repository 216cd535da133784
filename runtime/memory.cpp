// Host memory.
#include "runtime/memory.h"

#include <cstring>

#include "runtime/host_tensor.h"

namespace weft::runtime {

namespace {

class HostMemory final : public Memory {
 public:
  bool is_host() const override { return true; }
  std::shared_ptr<void> allocate(std::size_t bytes) override {
    auto storage = std::make_shared<AlignedBytes>(bytes);
    return {storage, storage->data()};
  }
  void write(void* to, const void* from_host, std::size_t bytes) override { std::memcpy(to, from_host, bytes); }
  void copy(void* to, const void* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
  void read(void* to_host, const void* from, std::size_t bytes) override { std::memcpy(to_host, from, bytes); }
};

}  // namespace

const std::shared_ptr<Memory>& host_memory() {
  static const std::shared_ptr<Memory> memory = std::make_shared<HostMemory>();
  return memory;
}

}  // namespace weft::runtime
