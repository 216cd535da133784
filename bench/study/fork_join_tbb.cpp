// oneTBB's part of fork_join.c.
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>

#include <cstdint>

extern "C" void tbb_parallel(std::int64_t chunks, int threads, void (*run)(void*, std::int64_t, std::int64_t),
                             void* context) {
  static const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, std::size_t(threads));
  tbb::parallel_for(
      tbb::blocked_range<std::int64_t>(0, chunks, 1),
      [&](const auto& range) { run(context, range.begin(), range.end()); }, tbb::simple_partitioner());
}
