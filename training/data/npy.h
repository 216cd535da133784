// .npy files, the arrays of NumPy, and data sets made of them.
#pragma once

#include <filesystem>

#include "runtime/host_tensor.h"
#include "training/data/dataset.h"

namespace weft::training {

// Versions 1, 2 and 3, C order, little-endian: u1 as u8, f4 and f8 as f32, i4 and i8 as i32. Throws Error with the
// file, what is wrong and what to do: no .npy file, another element type or order, cut short, integers beyond 32 bits.
runtime::HostTensor read_npy(const std::filesystem::path& path);
// The bytes of a .npy file of f32, i32 or u8.
std::string encode_npy(const runtime::HostTensor& tensor);
// Atomic (runtime/atomic_file.h).
void write_npy(const std::filesystem::path& path, const runtime::HostTensor& tensor);

// A file NAME.npy, or a folder with train_images.npy.
bool is_npy(const std::filesystem::path& path);
// The images of NAME.npy, with labels where labels.npy lies beside it; or {train,test}_{images,labels}.npy. Pictures
// are [N,H,W], [N,C,H,W] or [N,H,W,C] with 1 or 3 channels, u8 or floats in [0,1] or [0,255], which are rounded to 8
// bits; [N,D] is a table. Throws Error also where counts differ, a label is negative, or a value is not finite.
DatasetSplits load_npy(const std::filesystem::path& path, const LoadOptions& options);

}  // namespace weft::training
