// The functions that Weft uses of CUDA's driver, cuBLASLt and cuDNN, loaded at run time. Their headers provide only
// types: nothing is linked. Only driver*.cpp include this, so these headers go no further.
#pragma once

#include <cublasLt.h>
#include <cuda.h>
#include <cudnn.h>

#include <string>

#include "backends/cuda/device/driver.h"
#include "backends/cuda/device/dynamic_library.h"

namespace weft::cuda {

// clang-format off
#define WEFT_DRIVER(X) \
  X(cuInit) X(cuDriverGetVersion) X(cuGetErrorString) X(cuDeviceGetCount) X(cuDeviceGet) X(cuDeviceGetName) \
  X(cuDeviceGetAttribute) X(cuDeviceTotalMem) X(cuDevicePrimaryCtxRetain) X(cuCtxSetCurrent) X(cuMemGetInfo) \
  X(cuMemAlloc) X(cuMemFree) X(cuMemHostAlloc) X(cuMemsetD8Async) X(cuMemsetD32Async) X(cuMemcpyHtoDAsync) \
  X(cuMemcpyDtoHAsync) X(cuMemcpyDtoDAsync) \
  X(cuStreamCreate) X(cuStreamSynchronize) X(cuStreamBeginCapture) X(cuStreamEndCapture) X(cuGraphInstantiate) \
  X(cuGraphLaunch) X(cuGraphDestroy) X(cuGraphExecDestroy) X(cuEventCreate) X(cuEventDestroy) X(cuEventRecord) \
  X(cuEventSynchronize) X(cuEventElapsedTime) X(cuModuleLoadData) X(cuModuleUnload) X(cuModuleGetFunction) \
  X(cuFuncSetAttribute) X(cuLaunchKernel)
#define WEFT_CUBLASLT(X) \
  X(cublasLtGetVersion) X(cublasLtGetStatusString) X(cublasLtCreate) X(cublasLtMatmul) \
  X(cublasLtMatmulDescCreate) X(cublasLtMatmulDescDestroy) X(cublasLtMatmulDescSetAttribute) \
  X(cublasLtMatrixLayoutCreate) X(cublasLtMatrixLayoutDestroy) X(cublasLtMatrixLayoutSetAttribute) X(cublasLtMatmulPreferenceCreate) \
  X(cublasLtMatmulPreferenceDestroy) X(cublasLtMatmulPreferenceSetAttribute) X(cublasLtMatmulAlgoGetHeuristic)
#define WEFT_CUDNN(X) \
  X(cudnnGetVersion) X(cudnnGetErrorString) X(cudnnCreate) X(cudnnSetStream) X(cudnnCreateTensorDescriptor) \
  X(cudnnSetTensor4dDescriptorEx) X(cudnnDestroyTensorDescriptor) X(cudnnTransformTensor) \
  X(cudnnCreateFilterDescriptor) X(cudnnSetFilter4dDescriptor) X(cudnnDestroyFilterDescriptor) \
  X(cudnnCreateConvolutionDescriptor) X(cudnnSetConvolution2dDescriptor) X(cudnnSetConvolutionGroupCount) \
  X(cudnnSetConvolutionMathType) X(cudnnDestroyConvolutionDescriptor) X(cudnnGetConvolutionForwardAlgorithm_v7) \
  X(cudnnGetConvolutionBackwardDataAlgorithm_v7) X(cudnnGetConvolutionBackwardFilterAlgorithm_v7) \
  X(cudnnGetConvolutionForwardWorkspaceSize) X(cudnnGetConvolutionBackwardDataWorkspaceSize) \
  X(cudnnGetConvolutionBackwardFilterWorkspaceSize) X(cudnnAddTensor) \
  X(cudnnCreateActivationDescriptor) X(cudnnSetActivationDescriptor) X(cudnnDestroyActivationDescriptor) \
  X(cudnnActivationForward) \
  X(cudnnConvolutionBiasActivationForward) X(cudnnConvolutionForward) X(cudnnConvolutionBackwardData) X(cudnnConvolutionBackwardFilter)
// clang-format on

// A pointer to each function under its name. CUDA's headers define some names as others (cuMemAlloc is cuMemAlloc_v2):
// the members and look-ups use those others.
struct Apis {
#define WEFT_MEMBER(name) decltype(&::name) name = nullptr;
  WEFT_DRIVER(WEFT_MEMBER)
  WEFT_CUBLASLT(WEFT_MEMBER)
  WEFT_CUDNN(WEFT_MEMBER)
#undef WEFT_MEMBER
  Finding driver, cublaslt, cudnn;  // of each library
};

// Opened at the first call. A missing library leaves its members null, and its Finding says why.
const Apis& apis();

// Throw Error with the request and the library's error text.
void must(CUresult result, const std::string& what);
void must(cublasStatus_t status, const std::string& what);
void must(cudnnStatus_t status, const std::string& what);

}  // namespace weft::cuda
