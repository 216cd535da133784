// The steps of a program as data: what runs, and over which memory. Made from a graph (schedule.h) or from the tables
// of an artefact (artefact.cpp); thunks (thunk.h) are made from them.
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

// A generated kernel, by its place among those of the program. Cuts, where there are any, part the `elements` of what
// it makes: each thread gets its share of every part.
struct KernelStep {
  int kernel = 0;
  std::vector<std::int64_t> cuts;  // sorted, 0 and `elements` among them
  std::int64_t elements = 0;
};

struct MatmulStep {
  Matrix a, b, result;
  bool bias = false;
  std::string activation = {};
};

// Zeros in stretches of the first address.
struct FillStep {
  std::vector<passes::Gap> gaps;
};

// A row-major copy of a tensor of f32 that lies otherwise. Addresses: from, to.
struct RelayoutStep {
  ir::MemoryLayout layout;
  std::vector<std::int64_t> dims;
};

// A convolution of a program without oneDNN: a generated product with the columns of windows, a block of images at a
// time (weft_columns_step of runtime/artefact/tables.h, im2col_thunk.h).
struct Im2colStep {
  Convolution convolution;
  int kernel = 0;  // the product
  std::int64_t block = 1;
  std::size_t weights_bytes = 0, columns_bytes = 0;  // of scratch
};

// Pooling of f32, channels last. Pairs are height, width; `in` is the pooled image, `out` what it is pooled to.
struct PoolingStep {
  enum class Kind : std::uint8_t { max, average, max_gradient, average_gradient };
  using Pair = std::array<std::int64_t, 2>;
  Kind kind = Kind::max;
  std::int64_t images = 0, channels = 0;
  Pair in{}, out{}, kernel{}, stride{}, padding{};
};

// similarity_lse of [rows, width], its gradient, or the tiles that both may read, by kernels of its own
// (similarity_kernels.h).
struct SimilarityStep {
  enum class Kind : std::uint8_t { lse, gradient, tiles };
  Kind kind = Kind::lse;
  std::int64_t rows = 0, width = 0;
  int first_kernel = 0, kernels = 0;
};

// What another makes an thunk of.
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
