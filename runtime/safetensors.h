// The safetensors file format: named tensors and string metadata, readable by Python's `safetensors`. Weft stores model
// weights and checkpoints in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "runtime/atomic_file.h"
#include "runtime/host_tensor.h"

namespace weft::runtime {

using NamedTensors = std::map<std::string, HostTensor>;
using Metadata = std::map<std::string, std::string>;

struct TensorFile {
  NamedTensors tensors;
  Metadata metadata;
};

// CRC-32 of ISO 3309, as in zip, PNG and gzip: of tensors in files, and of data in the id of a run.
std::uint32_t crc32(const void* data, std::size_t size);

// Throws Error with the file and the problem if the file is missing, truncated, damaged (header, offsets, holes,
// overlaps, sizes that contradict shapes; with checksums, changed bytes) or has an element type that Weft does not
// read.
TensorFile read_safetensors(const std::filesystem::path& path);

// Checksums: the metadata gets a text `crc32` of words of 8 hexadecimal digits. The first is of the header: the sum
// modulo 2^32 of the CRC-32 of each other metadata pair (key and value) and of each tensor's name and dtype, with a
// byte 0 after each text. Then follows the CRC-32 of each tensor's bytes, in file order, except for tensors without
// elements. `read_safetensors` removes the text from the metadata; files without it are read unchecked.
enum class Checksums : std::uint8_t { none, crc32 };

struct WriteOptions {
  Links links = Links::follow;
  Checksums checksums = Checksums::none;
};

// Atomic (runtime/atomic_file.h): after an Error the file at `path` is unchanged. Throws Error also if a name is
// reserved (`__metadata__`; the key `crc32`), a text is not UTF-8 or holds the character 0, or a tensor's bytes do not
// match its shape.
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors, const Metadata& metadata = {},
                       WriteOptions options = {});

}  // namespace weft::runtime
