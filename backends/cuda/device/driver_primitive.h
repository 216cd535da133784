// Library calls on a GPU's stream.
#pragma once

#include <memory>
#include <string>

#include "backends/cuda/device/device.h"
#include "backends/cuda/device/driver_api.h"

namespace weft::cuda {

// ":tf32", ":bf16" or "" for f32: the suffix of a library's name in profiles.
inline std::string precision_suffix(weft_dtype dtype, bool tf32) {
  return dtype == WEFT_BF16 ? ":bf16" : tf32 ? ":tf32" : "";
}

// Deterministic: the same bits on every run.
std::unique_ptr<Primitive> make_matmul(cublasLtHandle_t handle, CUstream stream, const Matmul& matmul);
std::unique_ptr<Primitive> make_convolution(cudnnHandle_t handle, const Convolution& convolution);

}  // namespace weft::cuda
