// Decides how a generated matmul runs: which dim lies across lanes, the tile of the result that stays in registers,
// parts of the depth, chunks. Everything follows from sizes, strides and the machine.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backends/cpu/codegen/emit.h"
#include "backends/cpu/matmul.h"

namespace weft::cpu {

// Terms: result[i, j] = sum over k of a[i, k] * b[k, j]; rows i, columns j, depth k. A panel is as many columns of b as
// a tile has.
enum class ProductForm : std::uint8_t {
  direct,  // columns across lanes, read from b as it lies: its rows are dense
  packed,  // columns across lanes, panels of b copied into scratch first: its columns are dense, or its rows far apart
  dots,    // the depth across lanes, along which a and b are dense: a few rows or columns, too few to pay for a copy
};

struct MatmulPlan {
  // As computed: the transposed matmul where only the columns of the result are dense.
  Matrix a, b, result;
  int a_buffer = 0, b_buffer = 1;
  bool bias = false, bias_by_row = false, relu = false, accumulate = false;
  ProductForm form = ProductForm::direct;
  int width = 0;                       // lanes
  std::int64_t tile_rows = 1;          // of the result, in registers
  std::int64_t tile_columns = 1;       // whole vectors but in `dots`
  std::int64_t depth_block = 0;        // part of the depth at once; what a panel has of it stays in cache
  std::int64_t rows_per_chunk = 1;     // whole tiles
  std::int64_t columns_per_chunk = 1;  // a panel, but in `dots`, where they are whole tiles
  std::int64_t row_chunks = 1, column_chunks = 1;
  double work_ns = 0;

  std::int64_t depth() const { return a.columns; }
  std::int64_t chunks() const { return row_chunks * column_chunks; }
  std::int64_t panel_numbers() const { return depth_block * tile_columns; }
  std::size_t scratch_bytes() const;  // a panel a chunk, where they are packed
};

MatmulPlan make_matmul_plan(const Matmul& matmul, const MachineTarget& target);

// How many independent sums of each number of a tile go over the depth in turn, so that additions need not wait for one
// another.
std::int64_t independent_sums(std::int64_t tile_vectors);

}  // namespace weft::cpu
