// .npy files, the arrays of NumPy, and data sets of them.
#pragma once

#include <filesystem>

#include "runtime/host_tensor.h"
#include "training/data/dataset.h"

namespace weft::training {

// Reads versions 1, 2 and 3, C order, little-endian: u1 as u8, f4 and f8 as f32, i4 and i8 as i32. Throws Error with
// the file, the problem and what to do: not a .npy file, another element type or order, truncated, integers beyond 32
// bits.
runtime::HostTensor read_npy(const std::filesystem::path& path);
// The bytes of a .npy file of f32, i32 or u8.
std::string encode_npy(const runtime::HostTensor& tensor);
// Atomic (runtime/atomic_file.h).
void write_npy(const std::filesystem::path& path, const runtime::HostTensor& tensor);

// Whether `path` is a file NAME.npy, or a folder with train_images.npy.
bool is_npy(const std::filesystem::path& path);
// Reads the images of NAME.npy, with labels if labels.npy is beside it; or {train,test}_{images,labels}.npy. Images are
// [N,H,W], [N,C,H,W] or [N,H,W,C] with 1 or 3 channels, u8 or floats in [0,1] or [0,255], which are rounded to 8 bits;
// [N,D] is a table. Throws Error also if counts differ, a label is negative, or a value is not finite.
DatasetSplits load_npy(const std::filesystem::path& path, const LoadOptions& options);

}  // namespace weft::training
