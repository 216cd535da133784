// The safetensors file format: named tensors and string metadata, readable by Python's `safetensors`. Files hold the
// weights of a model and the checkpoints of a run.
#pragma once

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

// Throws Error with the file and what is wrong where the file is missing, cut short, damaged (header, offsets, holes,
// overlaps, sizes that are not those of the shapes; where it holds checksums, the tensor whose bytes are not those that
// were written) or of an element type Weft lacks.
TensorFile read_safetensors(const std::filesystem::path& path);

// Checksums: the metadata gets a text `crc32` of words of 8 hexadecimal digits. The first is of the header: the sum
// modulo 2^32 of the CRC-32 of each other pair of the metadata, key and value, and of each tensor's name and dtype,
// with a byte 0 after each text. The CRC-32 of each tensor's bytes follows, in the order of the file, without those
// that have no elements. `read_safetensors` takes the text out of the metadata; files without it are read as they are.
enum class Checksums : std::uint8_t { none, crc32 };

struct WriteOptions {
  Links links = Links::follow;
  Checksums checksums = Checksums::none;
};

// Atomic (runtime/atomic_file.h): after an Error the file at `path` is as before. Throws Error also where a name is
// reserved (`__metadata__`; the key `crc32`), a text is not UTF-8, or a tensor's bytes are not those of its shape.
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors, const Metadata& metadata = {},
                       WriteOptions options = {});

}  // namespace weft::runtime
