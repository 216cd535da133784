// Anonymous mappings, aligned to huge pages.
#include "backends/cpu/threads/memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "ir/error.h"

namespace weft::cpu {

namespace {

constexpr std::size_t kHugePage = std::size_t(2) << 20;

}  // namespace

HugeMemory::HugeMemory(std::size_t bytes) {
  if (bytes == 0) return;
  const std::size_t whole = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  // One page more than needed, so that the aligned part can be kept and the rest unmapped.
  void* mapped = mmap(nullptr, whole + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED)
    fail("cannot allocate {} bytes of memory ({}): use a smaller batch", bytes, std::strerror(errno));
  const auto start = reinterpret_cast<std::uintptr_t>(mapped);
  const std::uintptr_t aligned = (start + kHugePage - 1) / kHugePage * kHugePage;
  if (aligned > start) munmap(mapped, aligned - start);
  munmap(reinterpret_cast<void*>(aligned + whole), start + kHugePage - aligned);
  data_ = reinterpret_cast<std::byte*>(aligned);
  bytes_ = whole;
  madvise(data_, bytes_, MADV_HUGEPAGE);  // a hint: without huge pages everything is slower, not wrong
}

HugeMemory::~HugeMemory() {
  if (data_) munmap(data_, bytes_);
}

}  // namespace weft::cpu
