// Runs compiled kernels over threads: fixed chunks, distributed over the OpenMP pool that oneDNN uses too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "runtime/program/fields.h"

namespace weft::cpu {

// Chunks [first, second), and their share `index` of `parts` that are as equal as can be, in order.
using Range = std::pair<std::int64_t, std::int64_t>;
constexpr Range share_of(const Range& all, std::int64_t index, std::int64_t parts) {
  const std::int64_t size = all.second - all.first;
  return {all.first + size * index / parts, all.first + size * (index + 1) / parts};
}

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

// Runs all chunks of a kernel, whose `buffers` are one pointer per argument (the body's inputs, then its outputs), then
// `finish`. Stays on the caller's thread if the work is too small to share.
void run_kernel(const weft_kernel& kernel, void* const* buffers, void* scratch, int threads);

// The chunks of each thread. The assignment changes the speed, never the result.
using Shares = std::vector<std::vector<Range>>;
void run_kernel(const weft_kernel& kernel, void* const* buffers, void* scratch, const Shares& shares);

}  // namespace weft::cpu
