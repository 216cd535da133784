// The steps of a program as data: what runs, over which memory. They come from a graph (schedule.h) or from the tables
// of an artefact (backends/aot/cpu_runtime.cpp); thunks (thunk.h) are made from them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "backends/cpu/onednn/onednn.h"
#include "ir/memory_layout.h"
#include "passes/plan/address.h"

namespace weft::cpu {

class Thunk;

// A generated kernel, by its index in the program. Cuts, if any, divide the `elements` of its output into parts: each
// thread gets a share of every part.
struct KernelStep {
  int kernel = 0;
  std::vector<std::int64_t> cuts;  // sorted, including 0 and `elements`
  std::int64_t elements = 0;
};

struct MatmulStep {
  Matrix a, b, result;
  bool bias = false;
  std::string activation = {};
};

// Zeros parts of the first address.
struct FillStep {
  std::vector<passes::Gap> gaps;
};

// A row-major copy of an f32 tensor in another layout. Addresses: from, to.
struct RelayoutStep {
  ir::MemoryLayout layout;
  std::vector<std::int64_t> dims;
};

// A convolution of a program without oneDNN: im2col and a generated matmul, one block of images at a time
// (weft_im2col_step of runtime/artefact/tables.h, im2col_thunk.h).
struct Im2colStep {
  Convolution convolution;
  int kernel = 0;  // the matmul
  std::int64_t block = 1;
  std::size_t weights_bytes = 0, columns_bytes = 0;  // of scratch
};

// Pooling of f32, channels last. Pairs are height, width; `in` is the input image, `out` the output image.
struct PoolingStep {
  enum class Kind : std::uint8_t { max, average, max_gradient, average_gradient };
  using Pair = std::array<std::int64_t, 2>;
  Kind kind = Kind::max;
  std::int64_t images = 0, channels = 0;
  Pair in{}, out{}, kernel{}, stride{}, padding{};
};

// similarity_lse of [rows, width], its gradient, or the tiles that both may read, by the kernels of
// similarity/kernels.h.
struct SimilarityStep {
  enum class Kind : std::uint8_t { lse, gradient, tiles };
  Kind kind = Kind::lse;
  std::int64_t rows = 0, width = 0;
  int first_kernel = 0, kernels = 0;
};

// A step whose thunk other code makes.
struct CustomStep {
  std::function<std::unique_ptr<Thunk>()> make;
};

using StepBody = std::variant<KernelStep, MatmulStep, Convolution, Im2colStep, FillStep, RelayoutStep, PoolingStep,
                              SimilarityStep, CustomStep>;

using passes::Address;

struct Step {
  StepBody body;
  std::string name = {};
  std::vector<Address> addresses = {};  // operands, then results
  std::size_t scratch_offset = 0;       // into the arena
  std::size_t scratch_bytes = 0;
};

}  // namespace weft::cpu
