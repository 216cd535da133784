// Runs compiled kernels over threads: fixed chunks, claimed by the threads of the pool (runtime/pool/pool.c).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "runtime/program/fields.h"

extern "C" {
#include "runtime/pool/parallel.h"
}

namespace weft::cpu {

// Chunks [first, second), and their share `index` of `parts` that are as equal as can be, in order.
using Range = std::pair<std::int64_t, std::int64_t>;
constexpr Range share_of(const Range& all, std::int64_t index, std::int64_t parts) {
  const std::int64_t size = all.second - all.first;
  return {all.first + size * index / parts, all.first + size * (index + 1) / parts};
}

// The same with bounds that are multiples of `unit` from the start.
constexpr Range share_of(const Range& all, std::int64_t index, std::int64_t parts, std::int64_t unit) {
  const std::int64_t units = (all.second - all.first + unit - 1) / unit;
  const auto [first, second] = share_of({0, units}, index, parts);
  return {std::min(all.second, all.first + first * unit), std::min(all.second, all.first + second * unit)};
}

// Calls run(context, begin, end) for ranges that together are [0, chunks), on up to `threads` threads of the process's
// pool, the caller among them. Threads claim ranges: which thread runs which, how long they are and their order differ
// from call to call, though a calm thread gets the same ones each time. A call inside a chunk, or while another thread
// has the pool, runs on its own thread alone. Allocates nothing but the pool's threads, the first time.
void parallel_chunks(std::int64_t chunks, int threads, weft_chunk_run run, void* context);

template <typename Body>
void parallel_chunks(std::int64_t chunks, int threads, const Body& body) {
  parallel_chunks(
      chunks, threads,
      [](void* context, std::int64_t begin, std::int64_t end) { (*static_cast<const Body*>(context))(begin, end); },
      const_cast<Body*>(&body));
}

// While it lives, the parallel chunks of this thread run by a program's own threads, if `own` is not null.
class OwnThreads {
 public:
  explicit OwnThreads(const weft_parallel_for* own);
  ~OwnThreads();
  OwnThreads(const OwnThreads&) = delete;
  OwnThreads& operator=(const OwnThreads&) = delete;

 private:
  const weft_parallel_for* before_;
};

// Runs all chunks of a kernel, whose `buffers` are one pointer per argument (the body's inputs, then its outputs), then
// `finish`. Stays on the caller's thread if the work is too small to share, and on few threads if it is small.
void run_kernel(const weft_kernel& kernel, void* const* buffers, void* scratch, int threads);

// All chunks of a `weft_kernel` on this thread: the product of a matmul in parts.
void run_product(void* kernel, void* const* buffers, void* scratch);

// The chunks of a kernel as ranges, a thread's after another's, as many for each thread. A thread starts with its own.
// The assignment changes the speed, never the result.
using Shares = std::vector<Range>;
void run_kernel(const weft_kernel& kernel, void* const* buffers, void* scratch, const Shares& shares, int threads);

}  // namespace weft::cpu
