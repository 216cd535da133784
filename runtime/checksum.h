// The checksum of tensors in files and of data in the id of a run.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft::runtime {

// CRC-32 of ISO 3309, as in zip, PNG and gzip. `before` is the checksum of the preceding bytes.
std::uint32_t crc32(const void* data, std::size_t size, std::uint32_t before = 0);

}  // namespace weft::runtime
