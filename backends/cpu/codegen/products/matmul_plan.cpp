// Forms, tiles and chunks of generated matmuls.
#include "backends/cpu/codegen/products/matmul_plan.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/integer.h"

namespace weft::cpu {

namespace {

constexpr std::int64_t kFewRows = 4;  // at most, for dot products
constexpr std::int64_t kDotsATile = 8;
constexpr std::int64_t kMostTileRows = 14;  // the code of a row takes 200 bytes
constexpr std::int64_t kSumsAtOnce = 8;     // two FMA units with a latency of four cycles
constexpr std::int64_t kNumbersAtOnce = kSumsAtOnce * kDotSums;
constexpr std::int64_t kWholeDepth = 2048;  // a longer depth is split
constexpr std::int64_t kDepthBlock = 1024;
constexpr std::int64_t kRowsPerPanelCopy = 64;  // least rows that justify copying b's panels, if b has so many
constexpr std::int64_t kPage = 1024;            // numbers
constexpr std::int64_t kSameSet = 6;
constexpr std::int64_t kFarStride = 512;  // a stride in numbers that maps rows to few sets of the caches
constexpr std::int64_t kChunks = 16;
constexpr double kChunkWork = 1 << 18;  // least multiplications per chunk

Matrix transposed(const Matrix& m) { return {m.columns, m.rows, m.column_stride, m.row_stride}; }

class MatmulPlanner {
 public:
  MatmulPlanner(const Matmul& matmul, const MachineTarget& target) : target_(target) {
    check(matmul.a.columns == matmul.b.rows && matmul.a.rows == matmul.result.rows &&
              matmul.b.columns == matmul.result.columns,
          "the matrices of a matmul have matching sizes");
    check(matmul.activation.empty() || matmul.activation == "relu", "a matmul's activation is relu");
    check(!matmul.accumulate || (!matmul.bias && matmul.activation.empty()),
          "an accumulating matmul has no bias and no activation");
    plan_.a = matmul.a;
    plan_.b = matmul.b;
    plan_.result = matmul.result;
    plan_.bias = matmul.bias;
    plan_.relu = matmul.activation == "relu";
    plan_.accumulate = matmul.accumulate;
    plan_.width = target.vector_width;
  }

  MatmulPlan run() {
    turn();
    choose_form();
    plan_.form == ProductForm::dots ? choose_dots() : choose_tile();
    choose_chunks();
    return plan_;
  }

 private:
  std::int64_t rows() const { return plan_.result.rows; }
  std::int64_t columns() const { return plan_.result.columns; }

  // From here on, rows of the result are dense, or it has one column.
  void turn() {
    const Matrix& result = plan_.result;
    const bool dense = result.column_stride == 1 || result.columns == 1;
    const bool better = result.columns == 1 && result.row_stride == 1;
    if (dense && !better) return;
    const Matrix a = plan_.a;
    plan_.a = transposed(plan_.b);
    plan_.b = transposed(a);
    plan_.result = transposed(result);
    std::swap(plan_.a_buffer, plan_.b_buffer);
    plan_.bias_by_row = true;
  }

  void choose_form() {
    const Matrix &a = plan_.a, &b = plan_.b;
    const bool along_depth = b.row_stride == 1 || b.rows == 1;
    if (along_depth && (a.column_stride == 1 || a.columns == 1) && std::min(rows(), columns()) <= kFewRows &&
        !(b.column_stride == 1 && columns() > 1))
      plan_.form = ProductForm::dots;
    else if (b.column_stride != 1 && columns() > 1)
      plan_.form = ProductForm::packed;
    check(plan_.form == ProductForm::direct || along_depth, "a matrix has a dense dim");
    if (plan_.form == ProductForm::direct && rows() >= kRowsPerPanelCopy && b.row_stride % kFarStride == 0)
      plan_.form = ProductForm::packed;
  }

  void choose_dots() {
    const int vectors = kDotSums / target_.vector_width;  // of sums
    const std::int64_t tile = std::min<std::int64_t>(kDotsATile, target_.vector_registers / 2 / vectors);
    if (rows() <= columns()) {
      plan_.tile_rows = std::min(rows(), kFewRows);
      plan_.tile_columns = std::min(columns(), tile / plan_.tile_rows);
    } else {
      plan_.tile_columns = std::min(columns(), kFewRows);
      plan_.tile_rows = std::min(rows(), tile / plan_.tile_columns);
    }
    plan_.depth_block = plan_.depth();
    cycles_ = double(rows() * columns()) * (double(plan_.depth()) / double(plan_.width) + 4) * 1.2;
  }

  // Cycles per step of the depth: multiplications, operands from the first-level cache, b from the second.
  static double tile_cost(std::int64_t tile_rows, std::int64_t vectors) {
    return double(std::max({tile_rows * vectors, tile_rows + vectors, 2 * vectors}) + 1);
  }

  double cost(std::int64_t tile_rows, std::int64_t tile_vectors) const {
    const auto of_panel = [&](std::int64_t vectors) {
      const std::int64_t whole = rows() / tile_rows, rest = rows() % tile_rows;
      return double(whole) * tile_cost(tile_rows, vectors) + (rest == 0 ? 0 : tile_cost(rest, vectors));
    };
    const std::int64_t all = ceil_div(columns(), plan_.width), whole = all / tile_vectors, rest = all % tile_vectors;
    return double(whole) * of_panel(tile_vectors) + (rest == 0 ? 0 : of_panel(rest));
  }

  // Registers of a tile of several rows: sums, a row of b, a number of a, and one spare. Rows whole pages apart share
  // one set of the first-level cache, which has eight ways.
  bool fits(std::int64_t tile_rows, std::int64_t vectors) const {
    if (tile_rows > kSameSet && plan_.a.row_stride % kPage == 0) return false;
    const std::int64_t sums = plan_.sums * tile_rows * vectors;
    return (tile_rows == 1 ? sums : sums + vectors) + 2 <= target_.vector_registers;
  }

  void choose_tile() {
    plan_.sums = independent_sums(rows(), columns());
    double best = 0;
    std::int64_t best_vectors = 0;
    for (std::int64_t vectors = std::min<std::int64_t>(ceil_div(columns(), plan_.width), target_.vector_registers - 2);
         vectors > 0; --vectors)
      for (std::int64_t tile_rows = std::min(rows(), kMostTileRows); tile_rows > 0; --tile_rows) {
        if (!fits(tile_rows, vectors)) continue;
        const double each = cost(tile_rows, vectors);
        if (best_vectors != 0 && each >= best) continue;
        best = each;
        best_vectors = vectors;
        plan_.tile_rows = tile_rows;
      }
    plan_.tile_columns = best_vectors * plan_.width;
    const std::int64_t depth = plan_.depth();
    plan_.depth_block = depth;
    if (plan_.sums == 1 && depth > kWholeDepth && (rows() > plan_.tile_rows || plan_.form == ProductForm::packed))
      plan_.depth_block = round_up(ceil_div(depth, ceil_div(depth, kDepthBlock)), plan_.width);
    cycles_ = best * double(depth) * (target_.vector_width == 16 ? 1 : 0.5);
    if (plan_.form == ProductForm::packed) cycles_ += double(depth) * double(columns()) * 0.4;
  }

  // Equal parts in whole tiles.
  static std::int64_t part_size(std::int64_t size, std::int64_t parts, std::int64_t tile) {
    return round_up(ceil_div(size, std::clamp<std::int64_t>(parts, 1, ceil_div(size, tile))), tile);
  }

  void choose_chunks() {
    const double work = double(rows()) * double(columns()) * double(plan_.depth());
    std::int64_t wanted = std::clamp<std::int64_t>(std::int64_t(work / kChunkWork), 1, kChunks);
    plan_.rows_per_chunk = rows();
    plan_.columns_per_chunk = plan_.tile_columns;
    if (plan_.form == ProductForm::dots) {
      plan_.columns_per_chunk = part_size(columns(), rows() <= columns() ? wanted : 1, plan_.tile_columns);
      plan_.rows_per_chunk = part_size(rows(), rows() <= columns() ? 1 : wanted, plan_.tile_rows);
    } else if (plan_.form == ProductForm::direct) {
      wanted = ceil_div(wanted, ceil_div(columns(), plan_.tile_columns));
      plan_.rows_per_chunk = part_size(rows(), wanted, plan_.tile_rows);
    }
    plan_.row_chunks = ceil_div(rows(), plan_.rows_per_chunk);
    plan_.column_chunks = ceil_div(columns(), plan_.columns_per_chunk);
    plan_.work_ns = 20 + 0.3 * cycles_;
  }

  const MachineTarget& target_;
  MatmulPlan plan_;
  double cycles_ = 0;
};

}  // namespace

std::string to_string(const Matmul& matmul) {
  const auto text = [](const Matrix& m) {
    return fmt::format("[{},{}] ({},{})", m.rows, m.columns, m.row_stride, m.column_stride);
  };
  std::string result = fmt::format("matmul {}: {} * {} {} {}", matmul.name, text(matmul.a), text(matmul.b),
                                   matmul.accumulate ? "added to" : "=", text(matmul.result));
  if (matmul.bias) result += ", bias";
  if (!matmul.activation.empty()) result += ", " + matmul.activation;
  return result;
}

std::size_t MatmulPlan::scratch_bytes() const {
  if (form != ProductForm::packed) return 0;
  return std::size_t(chunks() * panel_numbers()) * sizeof(float);
}

MatmulPlan make_matmul_plan(const Matmul& matmul, const MachineTarget& target) {
  return MatmulPlanner(matmul, target).run();
}

std::int64_t independent_sums(std::int64_t rows, std::int64_t columns) {
  std::int64_t sums = 1;
  while (2 * sums <= kSumsAtOnce && 2 * sums * rows * columns <= kNumbersAtOnce) sums *= 2;
  return sums;
}

}  // namespace weft::cpu
