// Chunks over OpenMP's threads.
#include "backends/cpu/threads/parallel.h"

#include <algorithm>

#include "backends/cpu/threads/openmp.h"

// libgomp is not instrumented, so these annotations tell the thread sanitizer that fork and join order memory accesses,
// and to ignore what libgomp passes to its threads.
#if defined(__SANITIZE_THREAD__)
extern "C" void AnnotateHappensBefore(const char* file, int line, const volatile void* address);
extern "C" void AnnotateHappensAfter(const char* file, int line, const volatile void* address);
#define WEFT_HAPPENS_BEFORE(address) AnnotateHappensBefore(__FILE__, __LINE__, address)
#define WEFT_HAPPENS_AFTER(address) AnnotateHappensAfter(__FILE__, __LINE__, address)
#define WEFT_NOT_WATCHED __attribute__((no_sanitize("thread")))
#else
#define WEFT_HAPPENS_BEFORE(address) (void)(address)
#define WEFT_HAPPENS_AFTER(address) (void)(address)
#define WEFT_NOT_WATCHED
#endif

namespace weft::cpu {

namespace {

struct Team {
  std::int64_t chunks;
  ChunkFunction function;
  void* context;
  char fork, join;  // addresses that annotate fork and join
};

WEFT_NOT_WATCHED void run_share(void* data) {
  Team& team = *static_cast<Team*>(data);
  WEFT_HAPPENS_AFTER(&team.fork);
  const auto [begin, end] = share_of({0, team.chunks}, omp_get_thread_num(), omp_get_num_threads());
  if (begin < end) team.function(team.context, begin, end);
  WEFT_HAPPENS_BEFORE(&team.join);
}

}  // namespace

WEFT_NOT_WATCHED void parallel_chunks(std::int64_t chunks, int threads, ChunkFunction fn, void* context) {
  const int members = int(std::min<std::int64_t>(threads, chunks));
  if (members <= 1) {
    if (chunks > 0) fn(context, 0, chunks);
    return;
  }
  Team team{chunks, fn, context, 0, 0};
  WEFT_HAPPENS_BEFORE(&team.fork);
  GOMP_parallel(run_share, &team, unsigned(members), 0);
  WEFT_HAPPENS_AFTER(&team.join);
}

void run_kernel(const weft_kernel& kernel, void* const* buffers, void* scratch, int threads) {
  if (threads <= 1 || kernel.chunks <= 1 || kernel.work_ns < kSerialWorkNs) {
    kernel.run(buffers, scratch, 0, kernel.chunks);
  } else {
    const auto run = [&](std::int64_t begin, std::int64_t end) { kernel.run(buffers, scratch, begin, end); };
    parallel_chunks(kernel.chunks, threads, run);
  }
  if (kernel.finish) kernel.finish(buffers, scratch);
}

void run_kernel(const weft_kernel& kernel, void* const* buffers, void* scratch, const Shares& shares) {
  const auto run = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t share = begin; share < end; ++share)
      for (const auto& [first, last] : shares[std::size_t(share)]) kernel.run(buffers, scratch, first, last);
  };
  parallel_chunks(std::int64_t(shares.size()), int(shares.size()), run);
  if (kernel.finish) kernel.finish(buffers, scratch);
}

}  // namespace weft::cpu
