/* The cost of a fork and join on three pools: Weft's (runtime/pool/pool.c), libgomp's and oneTBB's; calm, and a job
 * of real work beside other programs. Debian: libtbb-dev.
 *
 *   gcc -O2 -std=gnu11 -I. -c bench/study/fork_join.c -o /tmp/fork_join.o -fopenmp
 *   g++ -O2 -std=c++20 /tmp/fork_join.o bench/study/fork_join_tbb.cpp -ltbb -fopenmp -o /tmp/fork_join
 *   /tmp/fork_join 2          (2 threads; with yes >/dev/null & once and twice beside it for the busy rows)
 *
 * `empty`: 16 chunks of nothing, the median and the best of 2,000 rounds of 20, in ns a job. `short`: 16 chunks of 0.5
 * us, likewise; two threads would take 4,000 ns if a fork and join were free. `work`: 20 jobs of 16 chunks of 30
 * us, 4.8 ms for two threads: median, 90th percentile and the worst of 100 rounds, in ms. */
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

/* Rounds that no compiler removes. */
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

static double times[ROUNDS];

/* Sorts the times of so many rounds of jobs, each time that of one job in ns. */
static void measure(parallel pool, int threads, weft_chunk_run run, int* context, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    const int64_t start = weft_now();
    for (int j = 0; j < REPEATS; ++j) pool(16, threads, run, context);
    times[i] = (double)(weft_now() - start) / REPEATS;
  }
  qsort(times, (size_t)rounds, sizeof *times, compare);
}

int main(int count, char** words) {
  const int threads = count > 1 ? atoi(words[1]) : 2;
  const struct {
    const char* name;
    parallel run;
  } pools[] = {{"weft", weft_parallel},
               {"libgomp static", gomp_static},
               {"libgomp dynamic", gomp_dynamic},
               {"oneTBB", tbb_parallel}};
  int rounds = 20000;
  int64_t start = weft_now();
  some_work(&rounds, 0, 50);
  rounds = (int)(rounds * 30000.0 * 50 / (double)(weft_now() - start));
  int few = rounds / 60;
  printf("%-16s %9s %9s | %9s %9s | %9s %9s %9s\n", "", "empty ns", "best", "short ns", "best", "work ms", "p90",
         "worst");
  for (size_t p = 0; p < sizeof pools / sizeof *pools; ++p) {
    measure(pools[p].run, threads, nothing, NULL, ROUNDS);
    printf("%-16s %9.0f %9.0f", pools[p].name, times[ROUNDS / 2], times[0]);
    measure(pools[p].run, threads, some_work, &few, ROUNDS);
    printf(" | %9.0f %9.0f", times[ROUNDS / 2], times[0]);
    measure(pools[p].run, threads, some_work, &rounds, WORK_ROUNDS);
    const double ms = REPEATS / 1e6;
    printf(" | %9.2f %9.2f %9.2f\n", times[WORK_ROUNDS / 2] * ms, times[WORK_ROUNDS * 9 / 10] * ms,
           times[WORK_ROUNDS - 1] * ms);
  }
  return 0;
}
