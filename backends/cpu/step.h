// The steps of a program as data: what runs, and over which memory. Made from a graph (recipe.h) or from the tables of
// an artefact (artefact.cpp); items (item.h) are made from them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "backends/cpu/library.h"
#include "ir/memory_layout.h"
#include "passes/address.h"

namespace weft::cpu {

class Item;

// A generated kernel, by its place among those of the program. Cuts, where there are any, part the `elements` of what
// it makes: each thread gets its share of every part.
struct KernelWork {
  int kernel = 0;
  std::vector<std::int64_t> cuts;  // sorted, 0 and `elements` among them
  std::int64_t elements = 0;
};

struct MatmulWork {
  Matrix a, b, result;
  bool bias = false;
  std::string activation = {};
};

// Zeros in stretches of the first address.
struct FillWork {
  std::vector<passes::Gap> gaps;
};

// A row-major copy of a tensor of f32 that lies otherwise. Addresses: from, to.
struct RelayWork {
  ir::MemoryLayout layout;
  std::vector<std::int64_t> dims;
};

// A convolution of a program without oneDNN: a generated product with the columns of windows, a block of images at a
// time (weft_columns_step of runtime/artefact/tables.h, columns_item.h).
struct ColumnsWork {
  Convolution convolution;
  int kernel = 0;  // the product
  std::int64_t block = 1;
  std::size_t weights_bytes = 0, columns_bytes = 0;  // of scratch
};

// Pooling of f32, channels last. Pairs are height, width; `in` is the pooled image, `out` what it is pooled to.
struct PoolingWork {
  enum class Kind : std::uint8_t { max, average, max_gradient, average_gradient };
  using Pair = std::array<std::int64_t, 2>;
  Kind kind = Kind::max;
  std::int64_t images = 0, channels = 0;
  Pair in{}, out{}, kernel{}, stride{}, padding{};
};

// similarity_lse of [rows, width], its gradient, or the tiles that both may read, by kernels of its own
// (similarity_kernels.h).
struct SimilarityWork {
  enum class Kind : std::uint8_t { lse, gradient, tiles };
  Kind kind = Kind::lse;
  std::int64_t rows = 0, width = 0;
  int first_kernel = 0, kernels = 0;
};

// What another makes an item of.
struct OtherWork {
  std::function<std::unique_ptr<Item>()> make;
};

using Work = std::variant<KernelWork, MatmulWork, Convolution, ColumnsWork, FillWork, RelayWork, PoolingWork,
                          SimilarityWork, OtherWork>;

using passes::Address;

struct Step {
  Work work;
  std::string name = {};
  std::vector<Address> addresses = {};  // operands, then results
  std::size_t scratch_offset = 0;       // into the arena
  std::size_t scratch_bytes = 0;
};

}  // namespace weft::cpu
