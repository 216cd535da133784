// Runs compiled kernels over threads: fixed chunks, distributed over the OpenMP pool that oneDNN uses too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace weft::cpu {

// Machine code of one kernel. `buffers` has one pointer per argument (the body's inputs, then its outputs). Chunks may
// run on any thread and in any order: results do not depend on it. `finish`, if any, runs once after all chunks.
// `scratch` is `scratch_bytes` of 64-byte aligned memory that nothing else uses between the two; its initial content
// does not matter.
struct CompiledKernel {
  using Run = void (*)(void* const* buffers, void* scratch, std::int64_t begin_chunk, std::int64_t end_chunk);
  using Finish = void (*)(void* const* buffers, void* scratch);
  std::string name;
  Run run = nullptr;
  Finish finish = nullptr;
  std::int64_t chunks = 0;
  std::size_t scratch_bytes = 0;
  int buffers = 0;
  double work_ns = 0;  // estimate for one thread, all chunks
};

// Calls fn(context, begin, end) over contiguous shares of [0, chunks), split equally for equal (chunks, threads).
// Allocates nothing.
using ChunkFunction = void (*)(void* context, std::int64_t begin, std::int64_t end);
void parallel_chunks(std::int64_t chunks, int threads, ChunkFunction fn, void* context);

template <typename Body>
void parallel_chunks(std::int64_t chunks, int threads, const Body& body) {
  parallel_chunks(
      chunks, threads,
      [](void* context, std::int64_t begin, std::int64_t end) { (*static_cast<const Body*>(context))(begin, end); },
      const_cast<Body*>(&body));
}

// Estimated work below which a fork and join cost more than they save.
inline constexpr double kSerialWorkNs = 2500;

// Runs all chunks, then `finish`. Stays on the caller's thread if the work is too small to share.
void run_kernel(const CompiledKernel& kernel, void* const* buffers, void* scratch, int threads);

// The chunks of each thread, as ranges [begin, end). The assignment changes the speed, never the result.
using Shares = std::vector<std::vector<std::pair<std::int64_t, std::int64_t>>>;
void run_kernel(const CompiledKernel& kernel, void* const* buffers, void* scratch, const Shares& shares);

}  // namespace weft::cpu
