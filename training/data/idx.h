// IDX files, the format of MNIST and Fashion-MNIST: a big-endian header of dims, then unsigned bytes; plain or gzipped.
#pragma once

#include <filesystem>

#include "runtime/host_tensor.h"

namespace weft::training {

// Reads a file of unsigned bytes of any rank; detects gzip by content. Throws Error with the file, the problem and what
// to do: missing, not IDX, other element types, truncated, corrupt, bytes after the data.
runtime::HostTensor read_idx(const std::filesystem::path& path);

struct LabelledImages {
  runtime::HostTensor images;  // u8 [N,1,H,W]
  runtime::HostTensor labels;  // i32 [N]
};

// Reads a file of images (rank 3) and its file of labels (rank 1). Throws Error also if ranks or counts do not match.
LabelledImages read_idx_pair(const std::filesystem::path& images_path, const std::filesystem::path& labels_path);

}  // namespace weft::training
