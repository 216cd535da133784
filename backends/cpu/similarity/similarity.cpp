// The three thunks. They copy vectors (sums, scales, weights) to scratch first, padded to whole blocks, so that one set
// of kernels serves the last block too: a tile has -infinity beyond the last row.
#include "backends/cpu/similarity/similarity.h"

#include <algorithm>
#include <limits>
#include <span>

#include "backends/cpu/similarity/tiles.h"
#include "backends/cpu/threads/memory.h"

namespace weft::cpu {

namespace {

using Kernels = std::span<const weft_kernel* const>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLowest = std::numeric_limits<float>::lowest();

// Offsets into scratch, each on a cache line.
class Layout {
 public:
  std::size_t add(std::size_t bytes) {
    const std::size_t offset = bytes_;
    bytes_ += aligned(bytes);
    return offset;
  }
  std::size_t bytes() const { return bytes_; }

 private:
  std::size_t bytes_ = 0;
};

// Computes the tile's dot products, with -infinity for a row with itself and for padding rows.
void write_tile(TileMatmuls& products, const SimilarityShape& shape, const Tile& tile, const float* x, float* result,
                void* scratch) {
  products.similarities(tile, x, result, scratch);
  const std::int64_t rows = shape.rows_of(tile.row), columns = shape.rows_of(tile.column);
  for (std::int64_t i = 0; i < shape.block; ++i) {
    float* const row = result + i * shape.block;
    if (tile.is_diagonal()) row[i] = -kInfinity;
    const std::int64_t first = i < rows ? columns : 0;
    std::fill_n(row + first, shape.block - first, -kInfinity);
  }
}

class SimilarityThunk : public Thunk {
 public:
  // Checks the number of operands, with or without the tiles.
  SimilarityThunk(const SimilarityShape& shape, const Kernels& kernels, int threads, std::size_t operands,
                  bool gradients)
      : shape_(shape), operands_(operands), kernels_(kernels), threads_(threads), walk_(shape.blocks, threads) {
    const auto workers = std::size_t(walk_.workers());
    for (std::size_t i = 0; i < workers; ++i) products_.emplace_back(shape, gradients);
    for (const weft_kernel* each : kernels_) kernel_bytes_ = std::max(kernel_bytes_, each->scratch_bytes);
    tile_ = layout_.add(workers * tile_bytes());
    products_scratch_ = layout_.add(workers * product_bytes());
    kernel_scratch_ = layout_.add(workers * kernel_bytes());
    r_ = add_rows();
    lengths_ = add_rows();
  }

  void bind(const std::vector<void*>& pointers, void* scratch) override {
    pointers_.clear();
    for (void* each : pointers) pointers_.push_back(static_cast<float*>(each));
    kept_ = pointers_.size() > operands_ + 1 ? pointers_[operands_] : nullptr;
    scratch_ = static_cast<std::byte*>(scratch);
  }
  std::size_t scratch_bytes() const override { return layout_.bytes(); }
  std::string kind() const override { return "tiles:" + std::to_string(shape_.block); }

 protected:
  // Copies one number per row and pads beyond the last row.
  std::size_t add_rows() { return layout_.add(std::size_t(shape_.padded()) * sizeof(float)); }
  float* rows_at(std::size_t offset) const { return reinterpret_cast<float*>(scratch_ + offset); }
  float* block_at(std::size_t offset, std::int64_t block) const { return rows_at(offset) + block * shape_.block; }
  void fill_rows(std::size_t offset, float value) const { std::fill_n(rows_at(offset), shape_.padded(), value); }
  void copy_rows(std::size_t offset, const float* from, float beyond) const {
    std::copy_n(from, shape_.rows, rows_at(offset));
    std::fill_n(rows_at(offset) + shape_.rows, shape_.padded() - shape_.rows, beyond);
  }

  float* tile_of(std::size_t worker) const { return rows_at(tile_ + worker * tile_bytes()); }
  const float* x() const { return pointers_[0]; }
  float* result() const { return pointers_.back(); }
  TileMatmuls& products(std::size_t worker) { return products_[worker]; }
  void* matmul_scratch(std::size_t worker) const { return scratch_ + products_scratch_ + worker * product_bytes(); }

  // Runs a kernel over a tile, on a worker's thread.
  template <typename Kernel>
  void run_on_tile(Kernel which, std::size_t worker, std::initializer_list<float*> buffers) const {
    void* arguments[9];
    std::copy(buffers.begin(), buffers.end(), arguments);
    run_kernel(*kernels_[std::size_t(which)], arguments, scratch_ + kernel_scratch_ + worker * kernel_bytes(), 1);
  }
  // Runs a kernel over all rows, on all threads.
  template <typename Kernel>
  void run_on_rows(Kernel which, std::initializer_list<float*> buffers) const {
    void* arguments[9];
    std::copy(buffers.begin(), buffers.end(), arguments);
    run_kernel(*kernels_[std::size_t(which)], arguments, scratch_ + kernel_scratch_, threads_);
  }

  // Copies r and checks whether every similarity is small enough to skip the maxima.
  template <typename Kernel>
  bool begin(Kernel lengths) {
    copy_rows(r_, pointers_[1], 1.0f);
    run_on_rows(lengths, {pointers_[0], pointers_[1], rows_at(lengths_)});
    const float* first = rows_at(lengths_);
    return std::all_of(first, first + shape_.rows, [](float length) { return length <= kPlainExponent; });
  }

  // The dot products of rows as write_tile computes them: kept ones, or new ones in the worker's tile.
  float* make_tile(std::size_t worker, const Tile& tile) {
    if (kept_) return kept_ + shape_.tile(tile.row, tile.column) * shape_.block * shape_.block;
    write_tile(products(worker), shape_, tile, x(), tile_of(worker), matmul_scratch(worker));
    return tile_of(worker);
  }

  const SimilarityShape shape_;
  Layout layout_;
  std::vector<float*> pointers_;  // of the op's operands and result
  float* kept_ = nullptr;         // the tiles, if they are an operand
  std::size_t r_ = 0;

 private:
  std::size_t tile_bytes() const { return std::size_t(shape_.block * shape_.block) * sizeof(float); }
  std::size_t product_bytes() const { return aligned(products_[0].scratch_bytes()); }
  std::size_t kernel_bytes() const { return aligned(kernel_bytes_); }

  std::size_t operands_;
  Kernels kernels_;
  int threads_;

 protected:
  std::vector<TileMatmuls> products_;  // one per worker
  TileWalk walk_;

 private:
  std::size_t kernel_bytes_ = 0;  // the most that any of the kernels needs
  std::size_t tile_ = 0, products_scratch_ = 0, kernel_scratch_ = 0, lengths_ = 0;
  std::byte* scratch_ = nullptr;
};

class LseThunk final : public SimilarityThunk {
 public:
  LseThunk(const SimilarityShape& shape, const Kernels& kernels, int threads)
      : SimilarityThunk(shape, kernels, threads, 2, false) {
    max_ = add_rows();
    sum_ = add_rows();
    // The columns of a diagonal tile repeat its rows and are dropped.
    unused_ = layout_.add(products_.size() * std::size_t(shape.block) * sizeof(float));
  }

  void run() override {
    const bool plain = begin(LseKernel::lengths);
    fill_rows(max_, plain ? 0.0f : kLowest);
    fill_rows(sum_, 0.0f);
    walk_.run(
        [&](std::size_t worker, const Tile& tile) { plain ? add_plain(worker, tile) : add_shifted(worker, tile); });
    run_on_rows(LseKernel::finish, {rows_at(max_), rows_at(sum_), result()});
  }

 private:
  void add_plain(std::size_t worker, const Tile& tile) {
    float* const rows = block_at(sum_, tile.row);
    float* const columns = tile.is_diagonal() ? block_at(unused_, std::int64_t(worker)) : block_at(sum_, tile.column);
    run_on_tile(
        LseKernel::plain, worker,
        {make_tile(worker, tile), block_at(r_, tile.row), block_at(r_, tile.column), rows, columns, rows, columns});
  }

  void add_shifted(std::size_t worker, const Tile& tile) {
    float* const products = make_tile(worker, tile);
    const auto add = [&](LseKernel kernel, std::int64_t block) {
      float *const max = block_at(max_, block), *const sum = block_at(sum_, block);
      run_on_tile(kernel, worker, {products, block_at(r_, tile.row), block_at(r_, tile.column), max, sum, max, sum});
    };
    add(LseKernel::rows, tile.row);
    if (!tile.is_diagonal()) add(LseKernel::columns, tile.column);
  }

  std::size_t max_ = 0, sum_ = 0, unused_ = 0;
};

class LseGradThunk final : public SimilarityThunk {
 public:
  LseGradThunk(const SimilarityShape& shape, const Kernels& kernels, int threads)
      : SimilarityThunk(shape, kernels, threads, 4, true), lse_(add_rows()), w_(add_rows()) {}

  void run() override {
    const bool plain = begin(LseGradKernel::lengths);
    copy_rows(lse_, pointers_[2], 0.0f);
    copy_rows(w_, pointers_[3], 0.0f);
    if (plain) run_on_rows(LseGradKernel::weights, {pointers_[3], pointers_[2], rows_at(w_)});
    walk_.run([&](std::size_t worker, const Tile& tile) {
      float *const products_of_rows = make_tile(worker, tile), *const weights = tile_of(worker);
      float *const r_row = block_at(r_, tile.row), *const r_column = block_at(r_, tile.column);
      float *const w_row = block_at(w_, tile.row), *const w_column = block_at(w_, tile.column);
      if (plain)
        run_on_tile(LseGradKernel::plain, worker, {products_of_rows, r_row, r_column, w_row, w_column, weights});
      else
        run_on_tile(LseGradKernel::shifted, worker,
                    {products_of_rows, r_row, r_column, block_at(lse_, tile.row), block_at(lse_, tile.column), w_row,
                     w_column, weights});
      products(worker).gradients(tile, weights, x(), result(), matmul_scratch(worker));
    });
  }

 private:
  std::size_t lse_, w_;
};

// The tiles of all pairs of blocks: operand x, result.
class TilesThunk final : public Thunk {
 public:
  TilesThunk(const SimilarityShape& shape, int threads) : shape_(shape), walk_(shape.blocks, threads) {
    for (int i = 0; i < walk_.workers(); ++i) products_.emplace_back(shape, false);
  }

  void bind(const std::vector<void*>& pointers, void* scratch) override {
    x_ = static_cast<const float*>(pointers[0]);
    result_ = static_cast<float*>(pointers[1]);
    scratch_ = static_cast<std::byte*>(scratch);
  }
  std::size_t scratch_bytes() const override { return products_.size() * product_bytes(); }
  std::string kind() const override { return "tiles:" + std::to_string(shape_.block); }

  void run() override {
    walk_.run([&](std::size_t worker, const Tile& tile) {
      float* const result = result_ + shape_.tile(tile.row, tile.column) * shape_.block * shape_.block;
      write_tile(products_[worker], shape_, tile, x_, result, scratch_ + worker * product_bytes());
    });
  }

 private:
  std::size_t product_bytes() const { return aligned(products_[0].scratch_bytes()); }

  SimilarityShape shape_;
  TileWalk walk_;
  std::vector<TileMatmuls> products_;  // one per worker
  const float* x_ = nullptr;
  float* result_ = nullptr;
  std::byte* scratch_ = nullptr;
};

}  // namespace

std::unique_ptr<Thunk> make_similarity(const weft_similarity_step& work, int threads) {
  const SimilarityShape shape(work.rows, work.width);
  const Kernels kernels(work.kernels, std::size_t(work.kernel_count));
  switch (work.code) {
    case WEFT_SIMILARITY_LSE:
      return std::make_unique<LseThunk>(shape, kernels, threads);
    case WEFT_SIMILARITY_GRADIENT:
      return std::make_unique<LseGradThunk>(shape, kernels, threads);
    case WEFT_SIMILARITY_TILES:
      return std::make_unique<TilesThunk>(shape, threads);
  }
  return nullptr;
}

}  // namespace weft::cpu
