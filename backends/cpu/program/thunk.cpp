// Matmuls of blocks, zeros and copies.
#include "backends/cpu/program/thunk.h"

#include <algorithm>

#include "ir/error.h"
#include "ir/memory_layout.h"

namespace weft::cpu {

Im2colThunk::Im2colThunk(const weft_im2col_step& step, int threads)
    : blocks_(step, step.matmul->scratch_bytes, threads),
      kernels_(std::size_t(blocks_.threads()), const_cast<weft_kernel*>(step.matmul)) {}

void Im2colThunk::run() { blocks_.run(run_product, kernels_.data()); }

void WinogradThunk::bind(const std::vector<void*>& pointers, void* scratch) {
  transform_ = {pointers[1], scratch};
  result_ = pointers;
  result_[1] = scratch;
  scratch_ = static_cast<std::byte*>(scratch) + step_.kernels_bytes;
}

void WinogradThunk::run() {
  run_kernel(*step_.transform, transform_.data(), nullptr, threads_);
  run_kernel(*step_.result, result_.data(), scratch_, threads_);
}

void FillThunk::run() {
  for (int i = 0; i < work_.gap_count; ++i)
    std::fill_n(start_ + work_.gaps[i].offset, work_.gaps[i].bytes, std::byte{});
}

RelayoutThunk::RelayoutThunk(const weft_relayout_step& work) {
  const auto layout = ir::parse_memory_layout(work.layout);
  check(layout.has_value(), "layouts are verified");
  offsets_ = ir::memory_offsets(*layout, {work.dims, work.dims + work.rank});
}

void RelayoutThunk::run() {
  for (std::size_t i = 0; i < offsets_.size(); ++i) to_[i] = from_[offsets_[i]];
}

}  // namespace weft::cpu
