// Where the tensors of programs lie: host memory, or a device's memory, which the host reaches only by copies.
#pragma once

#include <cstddef>
#include <memory>

namespace weft::runtime {

// Copies and program runs happen in call order; `read` waits for those before it.
class Memory {
 public:
  virtual ~Memory() = default;
  virtual bool is_host() const = 0;  // whether host pointers can access it
  // Zeroed memory at a 64-byte boundary, freed with the last copy of the pointer. Throws Error if memory runs out.
  virtual std::shared_ptr<void> allocate(std::size_t bytes) = 0;
  virtual void write(void* to, const void* from_host, std::size_t bytes) = 0;  // `from_host` may be reused on return
  virtual void copy(void* to, const void* from, std::size_t bytes) = 0;        // both in this memory
  virtual void read(void* to_host, const void* from, std::size_t bytes) = 0;
};

const std::shared_ptr<Memory>& host_memory();

}  // namespace weft::runtime
