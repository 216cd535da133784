/* The cost of a fork and join on three pools: Weft's (runtime/pool/pool.c), libgomp's and oneTBB's; calm, and a job
 * of real work beside other programs. Debian: libtbb-dev.
 *
 *   gcc -O2 -std=gnu11 -I. -c bench/study/fork_join.c -o /tmp/fork_join.o -fopenmp
 *   g++ -O2 -std=c++20 /tmp/fork_join.o bench/study/fork_join_tbb.cpp -ltbb -fopenmp -o /tmp/fork_join
 *   /tmp/fork_join 2          (2 threads; with yes >/dev/null & once and twice beside it for the busy rows)
 *
 * `empty`: 16 chunks of nothing, the median and the best of 2,000 rounds of 20, in ns a job. `work`: jobs of 16 chunks
 * of 30 us back to back; ms for 20 jobs (10 ms of work): median, 90th percentile and the worst of 100 rounds. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/pool/pool.c"

typedef void (*parallel)(int64_t chunks, int threads, weft_chunk_run run, void* context);

void tbb_parallel(int64_t chunks, int threads, weft_chunk_run run, void* context);

static void gomp_static(int64_t chunks, int threads, weft_chunk_run run, void* context) {
#pragma omp parallel for schedule(static) num_threads(threads)
  for (int64_t i = 0; i < chunks; ++i) run(context, i, i + 1);
}
static void gomp_dynamic(int64_t chunks, int threads, weft_chunk_run run, void* context) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (int64_t i = 0; i < chunks; ++i) run(context, i, i + 1);
}

static void nothing(void* context, int64_t begin, int64_t end) { (void)context, (void)begin, (void)end; }

/* About 30 us a chunk that no compiler removes. */
static void some_work(void* context, int64_t begin, int64_t end) {
  const int rounds = *(const int*)context;
  for (int64_t chunk = begin; chunk < end; ++chunk) {
    double x = (double)chunk;
    for (int i = 0; i < rounds; ++i) {
      x = x * .999 + .001;
      __asm__ volatile("" : "+x"(x));
    }
  }
}

static int compare(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

enum { ROUNDS = 2000, REPEATS = 20, WORK_ROUNDS = 100 };

int main(int count, char** words) {
  const int threads = count > 1 ? atoi(words[1]) : 2;
  const struct {
    const char* name;
    parallel run;
  } pools[] = {{"weft", weft_parallel},
               {"libgomp static", gomp_static},
               {"libgomp dynamic", gomp_dynamic},
               {"oneTBB", tbb_parallel}};
  static double times[ROUNDS];
  int rounds = 20000;
  int64_t start = weft_now();
  some_work(&rounds, 0, 50);
  rounds = (int)(rounds * 30000.0 * 50 / (double)(weft_now() - start));
  printf("%-16s %12s %12s | %12s %12s %12s\n", "", "empty ns", "best", "work ms", "p90", "worst");
  for (size_t p = 0; p < sizeof pools / sizeof *pools; ++p) {
    for (int i = 0; i < ROUNDS; ++i) {
      start = weft_now();
      for (int j = 0; j < REPEATS; ++j) pools[p].run(16, threads, nothing, NULL);
      times[i] = (double)(weft_now() - start) / REPEATS;
    }
    qsort(times, ROUNDS, sizeof *times, compare);
    const double median = times[ROUNDS / 2], best = times[0];
    for (int i = 0; i < WORK_ROUNDS; ++i) {
      start = weft_now();
      for (int j = 0; j < REPEATS; ++j) pools[p].run(16, threads, some_work, &rounds);
      times[i] = (double)(weft_now() - start) / 1e6;
    }
    qsort(times, WORK_ROUNDS, sizeof *times, compare);
    printf("%-16s %12.0f %12.0f | %12.2f %12.2f %12.2f\n", pools[p].name, median, best, times[WORK_ROUNDS / 2],
           times[WORK_ROUNDS * 9 / 10], times[WORK_ROUNDS - 1]);
  }
  return 0;
}
