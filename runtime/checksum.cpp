// CRC-32 by zlib.
#include "runtime/checksum.h"

#include <zlib.h>

namespace weft::runtime {

std::uint32_t crc32(const void* data, std::size_t size, std::uint32_t before) {
  return static_cast<std::uint32_t>(::crc32_z(before, static_cast<const Bytef*>(data), size));
}

}  // namespace weft::runtime
