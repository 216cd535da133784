// Items of steps, and their memory.
#include "backends/cpu/executor.h"

#include <omp.h>

#include <algorithm>

#include "backends/cpu/columns_item.h"
#include "backends/cpu/pooling.h"
#include "backends/cpu/similarity.h"

namespace weft::cpu {

namespace {

// The optimizer reads the gradients right after the products that made them, each product's rows shared out to the
// threads in order. So each thread gets its share of every part: what its own cache still holds.
Shares shares_of(const KernelWork& work, const CompiledKernel& kernel, int threads) {
  if (work.cuts.empty() || threads < 2 || kernel.chunks < 2 * threads) return {};
  Shares shares(static_cast<std::size_t>(threads));
  for (std::size_t i = 0; i + 1 < work.cuts.size(); ++i) {
    const std::int64_t first = work.cuts[i] * kernel.chunks / work.elements,
                       last = work.cuts[i + 1] * kernel.chunks / work.elements;
    for (std::int64_t thread = 0; thread < threads; ++thread) {
      const std::int64_t begin = first + (last - first) * thread / threads,
                         end = first + (last - first) * (thread + 1) / threads;
      if (begin < end) shares[std::size_t(thread)].emplace_back(begin, end);
    }
  }
  return shares;
}

struct Maker {
  const std::vector<CompiledKernel>& kernels;
  int threads;

  std::unique_ptr<Item> operator()(const KernelWork& work) const {
    const CompiledKernel& kernel = kernels.at(std::size_t(work.kernel));
    return std::make_unique<KernelItem>(kernel, threads, shares_of(work, kernel, threads));
  }
  std::unique_ptr<Item> operator()(const MatmulWork& work) const {
    return std::make_unique<PrimitiveItem>(make_matmul(work.a, work.b, work.result, work.bias, work.activation));
  }
  std::unique_ptr<Item> operator()(const Convolution& work) const {
    return std::make_unique<PrimitiveItem>(make_convolution(work));
  }
  std::unique_ptr<Item> operator()(const ColumnsWork& work) const {
    return make_columns_item(work, kernels.at(std::size_t(work.kernel)), threads);
  }
  std::unique_ptr<Item> operator()(const FillWork& work) const { return std::make_unique<FillItem>(work); }
  std::unique_ptr<Item> operator()(const RelayWork& work) const { return std::make_unique<RelayItem>(work); }
  std::unique_ptr<Item> operator()(const PoolingWork& work) const { return make_pooling_item(work, threads); }
  std::unique_ptr<Item> operator()(const SimilarityWork& work) const {
    const auto first = kernels.begin() + work.first_kernel;
    return make_similarity(work, {first, first + work.kernels}, threads);
  }
  std::unique_ptr<Item> operator()(const OtherWork& work) const { return work.make(); }
};

}  // namespace

std::vector<std::unique_ptr<Item>> make_items(const std::vector<Step>& steps,
                                              const std::vector<CompiledKernel>& kernels, int threads) {
  omp_set_num_threads(threads);  // the library makes its primitives for as many
  std::vector<std::unique_ptr<Item>> items;
  for (const Step& step : steps) items.push_back(std::visit(Maker{kernels, threads}, step.work));
  return items;
}

std::vector<std::size_t> scratch_of(const std::vector<std::unique_ptr<Item>>& items) {
  std::vector<std::size_t> bytes;
  for (const auto& item : items) bytes.push_back(item->scratch_bytes());
  return bytes;
}

Executor::Executor(const std::vector<Step>& steps, std::vector<std::unique_ptr<Item>> items, int threads)
    : threads_(threads) {
  std::size_t most = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    Entry entry{std::move(items[i]), steps[i].addresses, steps[i].scratch_offset, false, {}};
    entry.own_scratch = entry.item->scratch_bytes() > steps[i].scratch_bytes;
    if (entry.own_scratch) most = std::max(most, entry.item->scratch_bytes());
    entry.pointers.resize(entry.addresses.size());
    entries_.push_back(std::move(entry));
  }
  if (most > 0) own_scratch_ = HugeMemory(most);
}

void Executor::bind(std::byte* arena, void* const* inputs, void* const* outputs) {
  for (Entry& entry : entries_) {
    for (std::size_t i = 0; i < entry.addresses.size(); ++i)
      entry.pointers[i] = entry.addresses[i].in(arena, inputs, outputs);
    entry.item->bind(entry.pointers, entry.own_scratch ? own_scratch_.data() : arena + entry.scratch_offset);
  }
}

void Executor::run() {
  if (omp_get_max_threads() != threads_) omp_set_num_threads(threads_);
  for (const Entry& entry : entries_) entry.item->run();
}

}  // namespace weft::cpu
