// IDX files, the format of MNIST and Fashion-MNIST: a big-endian header of dims, then unsigned bytes; plain or gzipped.
#pragma once

#include <filesystem>

#include "runtime/host_tensor.h"

namespace weft::training {

// One file of unsigned bytes, whatever its rank. Gzip is recognised by content, not by name. Throws Error with the
// file, what is wrong and what to do: missing, not IDX, other element types, cut short, corrupt, bytes left over.
runtime::HostTensor read_idx(const std::filesystem::path& path);

struct LabelledImages {
  runtime::HostTensor images;  // u8 [N,1,H,W]
  runtime::HostTensor labels;  // i32 [N]
};

// A file of images (rank 3) and its file of labels (rank 1). Throws Error also where ranks or counts do not agree.
LabelledImages read_idx_pair(const std::filesystem::path& images_path, const std::filesystem::path& labels_path);

}  // namespace weft::training
