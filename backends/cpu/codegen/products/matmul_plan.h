// Decides how a generated matmul runs: which dim lies across lanes, the tile of the result in registers, parts of the
// depth, chunks. The order of each number's sum follows from sizes and strides alone, so that every machine with fused
// multiply-add makes the same bits; all else follows from the machine too.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/cpu/codegen/emit.h"
#include "backends/cpu/matmul.h"

namespace weft::cpu {

// Terms: result[i, j] = sum over k of a[i, k] * b[k, j]; rows i, columns j, depth k. A panel is the columns of b that
// belong to one tile.
enum class ProductForm : std::uint8_t {
  direct,  // columns across lanes, b read in place: its rows are dense
  packed,  // columns across lanes, panels of b copied to scratch first: b's columns are dense, or its rows far apart
  dots,    // depth across kDotSums virtual lanes; a and b are dense along it: for few rows or columns, which do not pay
           // for a copy
};

struct MatmulPlan {
  // The matmul as computed, transposed if only the columns of the result are dense.
  Matrix a, b, result;
  int a_buffer = 0, b_buffer = 1;
  bool bias = false, bias_by_row = false, relu = false, accumulate = false;
  ProductForm form = ProductForm::direct;
  int width = 0;                       // in lanes
  std::int64_t sums = 1;               // of each number, which take steps of the depth in turn; not for `dots`
  std::int64_t tile_rows = 1;          // of the result, in registers
  std::int64_t tile_columns = 1;       // whole vectors, except for `dots`
  std::int64_t depth_block = 0;        // the depth processed at once; a panel's part of it stays in cache
  std::int64_t rows_per_chunk = 1;     // whole tiles
  std::int64_t columns_per_chunk = 1;  // one panel; for `dots`, whole tiles
  std::int64_t row_chunks = 1, column_chunks = 1;
  double work_ns = 0;

  std::int64_t depth() const { return a.columns; }
  std::int64_t chunks() const { return row_chunks * column_chunks; }
  std::int64_t panel_numbers() const { return depth_block * tile_columns; }
  std::size_t scratch_bytes() const;  // one panel per chunk, if packed
};

MatmulPlan make_matmul_plan(const Matmul& matmul, const MachineTarget& target);

inline constexpr int kDotSums = 16;  // of each number of a dot product: the lanes of the widest machine

// The number of sums per number of a small result, so that additions do not wait for each other.
std::int64_t independent_sums(std::int64_t rows, std::int64_t columns);

}  // namespace weft::cpu
