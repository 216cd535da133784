// Where the tensors of programs lie: the host's memory, or a device's, which the host reaches by copies alone.
#pragma once

#include <cstddef>
#include <memory>

namespace weft::runtime {

// Copies and runs of programs happen in the order of the calls; `read` waits for those before it.
class Memory {
 public:
  virtual ~Memory() = default;
  virtual bool is_host() const = 0;  // whether the host may follow its pointers
  // Zeroed, on a border of 64 bytes, given back with the last copy of the pointer. Throws Error where there is no more.
  virtual std::shared_ptr<void> allocate(std::size_t bytes) = 0;
  virtual void write(void* to, const void* from_host, std::size_t bytes) = 0;  // `from_host` is free on return
  virtual void copy(void* to, const void* from, std::size_t bytes) = 0;        // both in this memory
  virtual void read(void* to_host, const void* from, std::size_t bytes) = 0;
};

const std::shared_ptr<Memory>& host_memory();

}  // namespace weft::runtime
