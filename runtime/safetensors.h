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
// overlaps, sizes that are not those of the shapes) or of an element type Weft lacks.
TensorFile read_safetensors(const std::filesystem::path& path);

// Atomic (runtime/atomic_file.h): after an Error the file at `path` is as before. Throws Error also where a name is
// reserved (`__metadata__`), a text is not UTF-8, or a tensor's bytes are not those of its shape.
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors, const Metadata& metadata = {},
                       Links links = Links::follow);

}  // namespace weft::runtime
