// Chunks over the pool's threads.
#include "backends/cpu/threads/parallel.h"

extern "C" {
#include "runtime/pool/pool.c"
}

namespace weft::cpu {

void parallel_chunks(std::int64_t chunks, int threads, weft_chunk_run run, void* context) {
  weft_parallel(chunks, threads, run, context);
}

OwnThreads::OwnThreads(const weft_parallel_for* own) : before_(weft_of_caller) { weft_of_caller = own; }
OwnThreads::~OwnThreads() { weft_of_caller = before_; }

void run_kernel(const weft_kernel& kernel, void* const* buffers, void* scratch, int threads) {
  const auto run = [&](std::int64_t begin, std::int64_t end) { kernel.run(buffers, scratch, begin, end); };
  parallel_chunks(kernel.chunks, weft_threads_of_work(kernel.work_ns, threads), run);
  if (kernel.finish) kernel.finish(buffers, scratch);
}

void run_product(void* kernel, void* const* buffers, void* scratch) {
  const auto& matmul = *static_cast<const weft_kernel*>(kernel);
  matmul.run(buffers, scratch, 0, matmul.chunks);
}

void run_kernel(const weft_kernel& kernel, void* const* buffers, void* scratch, const Shares& shares, int threads) {
  const auto run = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto& [first, last] = shares[std::size_t(i)];
      if (first < last) kernel.run(buffers, scratch, first, last);
    }
  };
  parallel_chunks(std::int64_t(shares.size()), threads, run);
  if (kernel.finish) kernel.finish(buffers, scratch);
}

}  // namespace weft::cpu
