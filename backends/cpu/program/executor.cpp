// Thunks of steps, and their memory.
#include "backends/cpu/program/executor.h"

#include <algorithm>

#include "backends/cpu/program/im2col_thunk.h"
#include "backends/cpu/program/pooling.h"
#include "backends/cpu/similarity/similarity.h"
#include "backends/cpu/threads/openmp.h"

namespace weft::cpu {

namespace {

// The optimizer reads the gradients right after the matmuls that computed them, whose rows were distributed over the
// threads in order. Giving each thread its share of every part reads what is still in its cache.
Shares shares_of(const KernelStep& body, const CompiledKernel& kernel, int threads) {
  if (body.cuts.empty() || threads < 2 || kernel.chunks < 2 * threads) return {};
  Shares shares(static_cast<std::size_t>(threads));
  for (std::size_t i = 0; i + 1 < body.cuts.size(); ++i) {
    const std::int64_t first = body.cuts[i] * kernel.chunks / body.elements,
                       last = body.cuts[i + 1] * kernel.chunks / body.elements;
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

  std::unique_ptr<Thunk> operator()(const KernelStep& body) const {
    const CompiledKernel& kernel = kernels.at(std::size_t(body.kernel));
    return std::make_unique<KernelThunk>(kernel, threads, shares_of(body, kernel, threads));
  }
  std::unique_ptr<Thunk> operator()(const MatmulStep& body) const {
    return std::make_unique<PrimitiveThunk>(make_matmul(body.a, body.b, body.result, body.bias, body.activation));
  }
  std::unique_ptr<Thunk> operator()(const Convolution& body) const {
    return std::make_unique<PrimitiveThunk>(make_convolution(body));
  }
  std::unique_ptr<Thunk> operator()(const Im2colStep& body) const {
    return make_im2col_thunk(body, kernels.at(std::size_t(body.kernel)), threads);
  }
  std::unique_ptr<Thunk> operator()(const FillStep& body) const { return std::make_unique<FillThunk>(body); }
  std::unique_ptr<Thunk> operator()(const RelayoutStep& body) const { return std::make_unique<RelayoutThunk>(body); }
  std::unique_ptr<Thunk> operator()(const PoolingStep& body) const { return make_pooling_item(body, threads); }
  std::unique_ptr<Thunk> operator()(const SimilarityStep& body) const {
    const auto first = kernels.begin() + body.first_kernel;
    return make_similarity(body, {first, first + body.kernels}, threads);
  }
  std::unique_ptr<Thunk> operator()(const CustomStep& body) const { return body.make(); }
};

}  // namespace

std::vector<std::unique_ptr<Thunk>> make_thunks(const std::vector<Step>& steps,
                                                const std::vector<CompiledKernel>& kernels, int threads) {
  omp_set_num_threads(threads);  // oneDNN makes its primitives for this number
  std::vector<std::unique_ptr<Thunk>> items;
  for (const Step& step : steps) items.push_back(std::visit(Maker{kernels, threads}, step.body));
  return items;
}

std::vector<std::size_t> scratch_of(const std::vector<std::unique_ptr<Thunk>>& items) {
  std::vector<std::size_t> bytes;
  for (const auto& item : items) bytes.push_back(item->scratch_bytes());
  return bytes;
}

Executor::Executor(const std::vector<Step>& steps, std::vector<std::unique_ptr<Thunk>> items, int threads)
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
