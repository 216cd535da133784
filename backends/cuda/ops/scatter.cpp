// scatter_add: one block per row of the indices. The block of the first row with an index adds all rows with that
// index, in order; the other blocks do nothing. An index beyond the table means its nearest row.
#include "backends/cuda/ops/op_kernel.h"

namespace weft::cuda {

namespace {

constexpr const char* kText = R"cuda(// scatter_add of COUNT rows of WIDTH into ROWS
extern "C" __global__ void __launch_bounds__(256) CLEAR(const int* indices, const ELEMENT* rows, ELEMENT* out, void*) {
  const long long item = (long long)blockIdx.x * 256 + threadIdx.x;
  if (item < (long long)ROWS * WIDTH) out[item] = 0;
}
extern "C" __global__ void __launch_bounds__(128) NAME(const int* indices, const ELEMENT* rows, ELEMENT* out, void*) {
  const int index = clamp_index(indices[blockIdx.x], ROWS);
  int earlier = 0;
  for (int other = threadIdx.x; other < blockIdx.x; other += 128) earlier |= clamp_index(indices[other], ROWS) == index;
  if (combine_neighbours<Max, 128, 128>(earlier)) return;
  for (int column = threadIdx.x; column < WIDTH; column += 128) {
    float sum = 0.0f;
    for (int row = blockIdx.x; row < COUNT; ++row)
      if (clamp_index(indices[row], ROWS) == index) sum += LOAD(rows[(long long)row * WIDTH + column]);
    out[(long long)index * WIDTH + column] = STORE(sum);
  }
}
)cuda";

}  // namespace

EmittedKernel emit_scatter_add(const OpShape& op, const std::string& name) {
  const std::int64_t rows = ir::number(op.result.dims[0]), width = op.result.elements() / rows;
  const std::int64_t count = op.operands[0].elements();
  std::vector<std::pair<std::string, std::string>> words = {{"NAME", name},
                                                            {"CLEAR", name + "_clear"},
                                                            {"ROWS", std::to_string(rows)},
                                                            {"WIDTH", std::to_string(width)},
                                                            {"COUNT", std::to_string(count)}};
  for (const auto& each : element_words(op)) words.push_back(each);
  EmittedKernel result;
  result.text = fill_in(kText, words);
  result.launches = {one_each(name + "_clear", rows * width), {name, unsigned(count), 128, 0}};
  return result;
}

}  // namespace weft::cuda
