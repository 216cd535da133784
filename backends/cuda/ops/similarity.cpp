// similarity_lse and its gradient: computes n^2 similarities s_ij = r_i r_j x_i.x_j tile by tile in registers without
// storing them. A block has a tile of rows and walks the tiles of columns, or a strided part of them; a second launch
// then joins the parts in order. With enough tiles of rows to fill a GPU, the forward sums compute each pair of tiles
// once, for the rows of both.
#include <algorithm>

#include "backends/cuda/codegen/plan.h"
#include "backends/cuda/ops/op_kernel.h"
#include "ir/error.h"

namespace weft::cuda {

namespace {

constexpr std::int64_t kEnoughBlocks = 264;  // two per multiprocessor of today's large GPUs
constexpr std::int64_t kLargeTile = 128, kSmallTile = 64;
constexpr std::int64_t kDepth = 16;  // diagonals of tiles per launch

constexpr const char* kForward = R"cuda(// similarity_lse of COUNT rows of WIDTH
extern "C" __global__ void __launch_bounds__(256, 2) NAME(const float* x, const float* r, float* out, void* scratch) {
  constexpr int kCount = COUNT, kTile = TILE, kPer = kTile / 16, kSplits = SPLITS, kTiles = TILES;
  __shared__ __align__(16) float mine[kSlice][kTile + 4], theirs[kSlice][kTile + 4];
  const int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  const int first = blockIdx.x / kSplits * kTile;
  LogSum rows[kPer];
  float row_r[kPer];
  read_rows<kCount>(r, first, ty, row_r);
  for (int i = 0; i < kPer; ++i) rows[i] = {-kInfinity, 0.0f};
  for (int tile = blockIdx.x % kSplits; tile < kTiles; tile += kSplits) {
    float dots[kPer][kPer];
    tile_dots<kCount, WIDTH, kTile>(x, first, tile * kTile, mine, theirs, dots);
    scale_dots<kCount>(r, first, tile * kTile, row_r, dots);
    add_rows(dots, rows);
  }
  LogSum* parts = (LogSum*)scratch;
#pragma unroll
  for (int i = 0; i < kPer; ++i) {
    rows[i] = join_threads(rows[i]);
    const int row = first + tile_place(ty, i);
    if (tx == 0 && row < kCount) parts[(long long)(blockIdx.x % kSplits) * kCount + row] = rows[i];
  }
}
extern "C" __global__ void __launch_bounds__(256) JOIN(const float* x, const float* r, float* out, void* scratch) {
  const int row = blockIdx.x * 256 + threadIdx.x;
  if (row >= COUNT) return;
  const LogSum* parts = (const LogSum*)scratch;
  LogSum all = parts[row];
  for (int split = 1; split < SPLITS; ++split) all = join_log_sums(all, parts[(long long)split * COUNT + row]);
  out[row] = all.top + logf(all.sum);
}
)cuda";

// Block b takes the pairs of tiles (b, b + diagonal), the last modulo their number: DEPTH diagonals per launch. Within
// a diagonal no two blocks share a tile of columns, and each diagonal of a launch has separate sums for columns. So no
// two blocks add to the same number, and every sum has one order. Scratch: the launch's number, then sums of rows, then
// DEPTH sets of sums of columns.
constexpr const char* kForwardPairs =
    R"cuda(// similarity_lse of COUNT rows of WIDTH, each pair of tiles once: DEPTH diagonals a launch
extern "C" __global__ void __launch_bounds__(256) FIRST(const float* x, const float* r, float* out, void* scratch) {
  const long long item = (long long)blockIdx.x * 256 + threadIdx.x;
  LogSum* sums = (LogSum*)((char*)scratch + 256);
  if (item < (DEPTH + 1) * (long long)COUNT) sums[item] = {-kInfinity, 0.0f};
  if (item == 0) *(int*)scratch = 0;
}
extern "C" __global__ void __launch_bounds__(256, 2) NAME(const float* x, const float* r, float* out, void* scratch) {
  constexpr int kCount = COUNT, kTile = TILE, kPer = kTile / 16, kTiles = TILES;
  __shared__ __align__(16) float mine[kSlice][kTile + 4], theirs[kSlice][kTile + 4];
  __shared__ LogSum warps[8][kTile];
  LogSum *all_rows = (LogSum*)((char*)scratch + 256), *all_columns = all_rows + kCount;
  const int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  const int first = blockIdx.x * kTile, from = *(const int*)scratch * DEPTH;
  LogSum rows[kPer];
  float row_r[kPer];
  read_rows<kCount>(r, first, ty, row_r);
  for (int i = 0; i < kPer; ++i) rows[i] = {-kInfinity, 0.0f};
  for (int diagonal = from; diagonal < from + DEPTH; ++diagonal) {
    // On the middle diagonal of an even number of tiles, each pair would come twice.
    if (diagonal > kTiles / 2 || (diagonal * 2 == kTiles && blockIdx.x >= kTiles / 2)) break;
    const int second = (blockIdx.x + diagonal) % kTiles * kTile;
    float dots[kPer][kPer];
    tile_dots<kCount, WIDTH, kTile>(x, first, second, mine, theirs, dots);
    scale_dots<kCount>(r, first, second, row_r, dots);
    add_rows(dots, rows);
    if (diagonal == 0) continue;  // its rows are its columns
#pragma unroll
    for (int j = 0; j < kPer; ++j) {
      LogSum here = {dots[0][j], 0.0f};
#pragma unroll
      for (int i = 1; i < kPer; ++i) here.top = Max::of(here.top, dots[i][j]);
#pragma unroll
      for (int i = 0; i < kPer; ++i) here.sum += here.top == -kInfinity ? 0.0f : expf(dots[i][j] - here.top);
      const LogSum other = shuffled_log_sum(here, 16);
      if (threadIdx.x % 32 < 16) warps[threadIdx.x / 32][tile_place(tx, j)] = join_log_sums(here, other);
    }
    __syncthreads();
    if (threadIdx.x < kTile && second + threadIdx.x < kCount) {
      LogSum* column = all_columns + (long long)(diagonal - from) * kCount + second + threadIdx.x;
      LogSum sum = *column;
      for (int warp = 0; warp < 8; ++warp) sum = join_log_sums(sum, warps[warp][threadIdx.x]);
      *column = sum;
    }
  }
#pragma unroll
  for (int i = 0; i < kPer; ++i) {
    rows[i] = join_threads(rows[i]);
    const int row = first + tile_place(ty, i);
    if (tx == 0 && row < kCount) all_rows[row] = join_log_sums(all_rows[row], rows[i]);
  }
}
extern "C" __global__ void NEXT(const float* x, const float* r, float* out, void* scratch) { ++*(int*)scratch; }
extern "C" __global__ void __launch_bounds__(256) JOIN(const float* x, const float* r, float* out, void* scratch) {
  const int row = blockIdx.x * 256 + threadIdx.x;
  if (row >= COUNT) return;
  const LogSum* sums = (const LogSum*)((const char*)scratch + 256);
  LogSum all = sums[row];
  for (int part = 1; part <= DEPTH; ++part) all = join_log_sums(all, sums[(long long)part * COUNT + row]);
  out[row] = all.top + logf(all.sum);
}
)cuda";

// g_ij = w_i e^(s_ij - lse_i) + w_j e^(s_ij - lse_j); the gradient of x_i is r_i times the sum of g_ij r_j x_j.
constexpr const char* kBackward = R"cuda(// similarity_lse_grad of COUNT rows of WIDTH
extern "C" __global__ void __launch_bounds__(256) NAME(const float* x, const float* r, const float* lse, const float* w, float* out,
                                                       void* scratch) {
  constexpr int kCount = COUNT, kWidth = WIDTH, kTile = 64, kPer = 4, kSplits = SPLITS, kTiles = TILES;
  constexpr int kChunk = CHUNK, kChunks = CHUNKS;  // columns of the gradient that a block makes
  __shared__ __align__(16) float mine[kSlice][kTile + 4], theirs[kSlice][kTile + 4];
  __shared__ __align__(16) float weights[kTile][kTile + 4];  // g_ij r_j, as [j][i]
  __shared__ __align__(16) float others[kSlice][kChunk];     // rows x_j
  const int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  const int split = blockIdx.x % kSplits, chunk = blockIdx.x / kSplits % kChunks * kChunk;
  const int first = blockIdx.x / kSplits / kChunks * kTile;
  float sums[kPer][kChunk / 16];
  float row_r[kPer], row_lse[kPer], row_w[kPer];
  read_rows<kCount>(r, first, ty, row_r);
  read_rows<kCount>(lse, first, ty, row_lse);
  read_rows<kCount>(w, first, ty, row_w);
#pragma unroll
  for (int i = 0; i < kPer; ++i)
#pragma unroll
    for (int c = 0; c < kChunk / 16; ++c) sums[i][c] = 0.0f;
  for (int tile = split; tile < kTiles; tile += kSplits) {
    const int second = tile * kTile;
    float dots[kPer][kPer];
    tile_dots<kCount, kWidth, kTile>(x, first, second, mine, theirs, dots);
#pragma unroll
    for (int j = 0; j < kPer; ++j) {
      const int column = second + tile_place(tx, j);
      const bool is_there = column < kCount;
      const float column_r = is_there ? r[column] : 0.0f, column_lse = is_there ? lse[column] : 0.0f;
      const float column_w = is_there ? w[column] : 0.0f;
#pragma unroll
      for (int i = 0; i < kPer; ++i) {
        const int row = first + tile_place(ty, i);
        const float s = row_r[i] * column_r * dots[i][j];
        const float g = row_w[i] * expf(s - row_lse[i]) + column_w * expf(s - column_lse);
        const bool counts = is_there && row < kCount && row != column;
        weights[tile_place(tx, j)][tile_place(ty, i)] = counts ? g * column_r : 0.0f;
      }
    }
    for (int slice = 0; slice < kTile; slice += kSlice) {
      __syncthreads();
      for (int e = threadIdx.x; e < kSlice * kChunk; e += 256) {
        const int row = second + slice + e / kChunk, c = chunk + e % kChunk;
        others[e / kChunk][e % kChunk] = row < kCount && c < kWidth ? x[(long long)row * kWidth + c] : 0.0f;
      }
      __syncthreads();
#pragma unroll
      for (int k = 0; k < kSlice; ++k) {
        const Pack<float, 4> weight = *(const Pack<float, 4>*)&weights[slice + k][tile_place(ty, 0)];
#pragma unroll
        for (int c = 0; c < kChunk / 16; c += 4) {
          const Pack<float, 4> other = *(const Pack<float, 4>*)&others[k][tile_place(tx, c)];
#pragma unroll
          for (int i = 0; i < kPer; ++i)
#pragma unroll
            for (int l = 0; l < 4; ++l) sums[i][c + l] += weight.at[i] * other.at[l];
        }
      }
    }
  }
  float* part = DESTINATION;
#pragma unroll
  for (int i = 0; i < kPer; ++i) {
    const int row = first + tile_place(ty, i);
#pragma unroll
    for (int c = 0; c < kChunk / 16; ++c) {
      const int column = chunk + tile_place(tx, c);
      if (row < kCount && column < kWidth) part[(long long)row * kWidth + column] = row_r[i] * sums[i][c];
    }
  }
}
)cuda";

constexpr const char* kBackwardJoin =
    R"cuda(extern "C" __global__ void __launch_bounds__(256) JOIN(const float* x, const float* r, const float* lse, const float* w, float* out,
                                                       void* scratch) {
  const long long item = (long long)blockIdx.x * 256 + threadIdx.x;
  if (item >= (long long)COUNT * WIDTH) return;
  const float* parts = (const float*)scratch;
  float sum = parts[item];
  for (int split = 1; split < SPLITS; ++split) sum += parts[(long long)split * COUNT * WIDTH + item];
  out[item] = sum;
}
)cuda";

struct Shape {
  std::int64_t count, width;
};

Shape shape_of(const OpShape& op) {
  for (const ir::Type& type : op.operands)
    if (type.dtype != ir::DType::f32)
      fail("[{}] on cuda: operands must be f32, not {}; cast them first", ir::name(op.code), to_string(type));
  const auto dims = ir::numbers(op.operands[0].dims);
  return {dims[0], dims[1]};
}

std::size_t scratch(std::int64_t numbers) { return std::size_t(round_up(numbers * 4, 256)); }

std::vector<std::pair<std::string, std::string>> words(const Shape& shape, const std::string& name, std::int64_t tile,
                                                       std::int64_t splits) {
  return {{"NAME", name},
          {"JOIN", name + "_join"},
          {"COUNT", std::to_string(shape.count)},
          {"WIDTH", std::to_string(shape.width)},
          {"TILE", std::to_string(tile)},
          {"TILES", std::to_string(ceil_div(shape.count, tile))},
          {"SPLITS", std::to_string(splits)}};
}

std::int64_t splits_of(std::int64_t blocks, std::int64_t tiles) {
  return std::clamp<std::int64_t>(kEnoughBlocks / blocks, 1, tiles);
}

}  // namespace

bool takes_pairs_once(std::int64_t rows) { return rows >= kLargeTile * kEnoughBlocks; }

EmittedKernel emit_similarity_lse_pairs(const OpShape& op, const std::string& name, std::int64_t tile,
                                        std::int64_t depth) {
  const Shape shape = shape_of(op);
  const std::int64_t tiles = ceil_div(shape.count, tile);
  auto meanings = words(shape, name, tile, 1);
  meanings.emplace_back("FIRST", name + "_first");
  meanings.emplace_back("NEXT", name + "_next");
  meanings.emplace_back("DEPTH", std::to_string(depth));
  EmittedKernel result;
  result.text = fill_in(kForwardPairs, meanings);
  result.scratch_bytes = 256 + scratch(2 * (depth + 1) * shape.count);
  result.launches = {one_each(name + "_first", (depth + 1) * shape.count)};
  const std::int64_t launches = ceil_div(tiles / 2 + 1, depth);
  for (std::int64_t i = 0; i < launches; ++i) {
    if (i > 0) result.launches.push_back({name + "_next", 1, 1, 0});
    result.launches.push_back({name, unsigned(tiles), 256, 0});
  }
  result.launches.push_back(one_each(name + "_join", shape.count));
  return result;
}

EmittedKernel emit_similarity_lse(const OpShape& op, const std::string& name, std::int64_t tile) {
  const Shape shape = shape_of(op);
  if (tile == 0 && takes_pairs_once(shape.count)) return emit_similarity_lse_pairs(op, name, kLargeTile, kDepth);
  if (tile == 0) tile = shape.count >= kLargeTile * kEnoughBlocks / 2 ? kLargeTile : kSmallTile;
  const std::int64_t tiles = ceil_div(shape.count, tile), splits = splits_of(tiles, tiles);
  EmittedKernel result;
  result.text = fill_in(kForward, words(shape, name, tile, splits));
  result.scratch_bytes = scratch(2 * splits * shape.count);
  result.launches = {{name, unsigned(tiles * splits), 256, 0}, one_each(name + "_join", shape.count)};
  return result;
}

EmittedKernel emit_similarity_lse_grad(const OpShape& op, const std::string& name) {
  const Shape shape = shape_of(op);
  const std::int64_t tiles = ceil_div(shape.count, kSmallTile);
  const std::int64_t chunk = shape.width > 64 ? 128 : 64, chunks = ceil_div(shape.width, chunk);
  const std::int64_t splits = splits_of(tiles * chunks, tiles);
  auto meanings = words(shape, name, kSmallTile, splits);
  meanings.emplace_back("CHUNK", std::to_string(chunk));
  meanings.emplace_back("CHUNKS", std::to_string(chunks));
  meanings.emplace_back("DESTINATION", splits == 1 ? "out" : "(float*)scratch + (long long)split * kCount * kWidth");
  EmittedKernel result;
  result.text = fill_in(kBackward, meanings);
  result.launches = {{name, unsigned(tiles * chunks * splits), 256, 0}};
  if (splits == 1) return result;
  result.text += fill_in(kBackwardJoin, meanings);
  result.scratch_bytes = scratch(splits * shape.count * shape.width);
  result.launches.push_back(one_each(name + "_join", shape.count * shape.width));
  return result;
}

}  // namespace weft::cuda
