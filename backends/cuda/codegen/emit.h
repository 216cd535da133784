// Kernels as readable CUDA C++: one `__global__` function per launch, without CUDA headers. nvcc and NVRTC compile it;
// so does g++ with emulate.h, which tests use without a GPU.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ir/kernel/kernel.h"

namespace weft::cuda {

// One launch of `extern "C" __global__ void function(b0, ..., bN-1, void* scratch)`: a pointer for each of the kernel's
// arguments, in order, then scratch. Grid and block have one dim.
struct Launch {
  std::string function;
  unsigned blocks = 1, threads = 1;
  std::size_t shared_bytes = 0;  // dynamic shared memory; more than 48 KiB needs an explicit opt-in on the function
};

struct EmittedKernel {
  std::string name;
  std::string text;               // its functions, without includes
  std::vector<Launch> launches;   // run in order
  std::size_t scratch_bytes = 0;  // device memory that the launches share, 256-byte aligned
  int arguments = 0;
};

// Emits any kernel of ir/kernel. The shape fixes grid, block and the order of every sum. Buffers need only the
// alignment of their elements. An output may share memory with an input that is read where the output is written.
// Functions are named after the kernel, as an identifier; names must be unique within a translation unit.
EmittedKernel emit(const kernel::Kernel& kernel);

// The start of every translation unit: packs of elements, rounding, random numbers, sums over a block.
std::string prelude();
// Under WEFT_EMULATE: `extern "C" void weft_launch(const char* function, unsigned blocks, unsigned threads, size_t
// shared_bytes, void** arguments)`, where arguments[i] points at argument i, as for cuLaunchKernel.
std::string emulation_entries(const std::vector<EmittedKernel>& kernels);
// prelude, the kernels and emulation_entries: compiled by
//   nvcc -arch=sm_80 -c FILE.cu
//   g++ -x c++ -std=c++20 -O1 -DWEFT_EMULATE -fno-strict-aliasing -fwrapv -ffp-contract=off -I WEFT FILE.cu
std::string translation_unit(const std::vector<EmittedKernel>& kernels);

// Letters, digits and _, not starting with a digit.
std::string identifier(const std::string& text);

}  // namespace weft::cuda
