/* One pool of threads for everything that computes in a process. A job's pieces are divided among its threads in order,
 * each thread claims its own one by one from the front, and then those of others from the back. So a thread keeps the
 * memory it wrote in the step before while all threads run, and a thread that lost its core holds up one piece and not
 * the job. Weft compiles this file too.
 *
 * Nothing but a claimed piece is waited for: the caller computes alone what no worker has begun. Threads that wait spin
 * briefly and then sleep. */
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/pool/parallel.h"

enum { WEFT_MOST_THREADS = 1024, WEFT_PIECES_OF_THREAD = 16, WEFT_POLLS = 32 };

/* A waiting thread spins so long before it sleeps. Within a step the next job comes sooner, and a thread that sleeps
 * loses its core to whoever else wants one: 50 us in place of 200 cost a step beside builds a half of its time. */
enum { WEFT_SPIN_NS = 200000 };

enum { WEFT_PIECE_BITS = 14, WEFT_MOST_PIECES = (1 << WEFT_PIECE_BITS) - 1, WEFT_WAITING = 1 << 30 };

/* A thread's share of a job, on a cache line of its own; the caller's is the first. `range`: pieces [begin, end) that
 * nobody has claimed. Both take 14 bits, and the bits above count jobs, so that a thread that slept through a job
 * cannot claim from the next what it read of the last. */
typedef struct {
  uint64_t range;
  uint32_t is_asleep; /* a futex */
  pthread_t thread;
} __attribute__((aligned(64))) weft_slot;

typedef struct {
  weft_chunk_run run;
  void* context;
  int64_t chunks;
  uint32_t pieces; /* of about equally many chunks */
} weft_job;

static struct {
  uint32_t is_taken; /* a caller has the workers, and with them the fields up to `job` */
  int workers, cores, has_fork_handler, is_stopping;
  uint64_t number; /* of jobs */
  /* A claim of a piece makes certain that the job is that of the piece: see weft_claim. */
  weft_job job __attribute__((aligned(64)));
  uint32_t members;
  uint32_t is_crowded;                        /* more threads than cores: nobody spins */
  uint32_t done __attribute__((aligned(64))); /* a futex: pieces that workers finished, and WEFT_WAITING */
  weft_slot slots[WEFT_MOST_THREADS];
} weft_the_pool;

static __thread int weft_is_inside;                      /* this thread computes a piece */
static __thread const weft_parallel_for* weft_of_caller; /* takes the place of the pool */

/* --- Waiting ----------------------------------------------------------------------------------------------------- */

static void weft_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static int64_t weft_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void weft_sleep(uint32_t* word, uint32_t value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}
static void weft_wake(uint32_t* word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0); }

static int weft_is_empty(uint64_t range) {
  return (range >> WEFT_PIECE_BITS & WEFT_MOST_PIECES) >= (range & WEFT_MOST_PIECES);
}
static int weft_has_pieces(const weft_slot* slot, uint32_t unused) {
  (void)unused;
  return !weft_is_empty(__atomic_load_n(&slot->range, __ATOMIC_ACQUIRE));
}
static int weft_is_done(const weft_slot* unused, uint32_t pieces) {
  (void)unused;
  return (__atomic_load_n(&weft_the_pool.done, __ATOMIC_ACQUIRE) & ~(uint32_t)WEFT_WAITING) == pieces;
}

/* Whether it became ready while this thread spun. */
static inline int weft_spin(int (*is_ready)(const weft_slot*, uint32_t), const weft_slot* slot, uint32_t pieces) {
  const int64_t end = weft_now() + WEFT_SPIN_NS;
  do {
    for (int i = 0; i < WEFT_POLLS; ++i) {
      if (is_ready(slot, pieces)) return 1;
      weft_pause();
    }
  } while (weft_now() < end && !__atomic_load_n(&weft_the_pool.is_crowded, __ATOMIC_RELAXED));
  return 0;
}

/* --- Claiming ---------------------------------------------------------------------------------------------------- */

/* Claims a piece of a slot, from the front or from the back, and reads its job. What it reads may be parts of the next
 * job. But a job ends only when all its pieces have been claimed and computed; so if the exchange succeeds, the piece
 * was there all along, and so was its job. */
static int weft_claim(weft_slot* slot, int at_front, weft_job* job, uint32_t* piece) {
  uint64_t range = __atomic_load_n(&slot->range, __ATOMIC_ACQUIRE);
  while (!weft_is_empty(range)) {
    job->run = __atomic_load_n(&weft_the_pool.job.run, __ATOMIC_RELAXED);
    job->context = __atomic_load_n(&weft_the_pool.job.context, __ATOMIC_RELAXED);
    job->chunks = __atomic_load_n(&weft_the_pool.job.chunks, __ATOMIC_RELAXED);
    job->pieces = __atomic_load_n(&weft_the_pool.job.pieces, __ATOMIC_RELAXED);
    *piece = at_front ? range >> WEFT_PIECE_BITS & WEFT_MOST_PIECES : (range & WEFT_MOST_PIECES) - 1;
    const uint64_t rest = at_front ? range + ((uint64_t)1 << WEFT_PIECE_BITS) : range - 1;
    if (__atomic_compare_exchange_n(&slot->range, &range, rest, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return 1;
  }
  return 0;
}

/* Computes pieces until none is left: first the thread's own. Returns their number. */
static uint32_t weft_work(uint32_t thread) {
  const uint32_t members = __atomic_load_n(&weft_the_pool.members, __ATOMIC_RELAXED);
  uint32_t count = 0;
  weft_is_inside = 1;
  for (uint32_t i = 0; i < members; ++i) {
    weft_job job;
    uint32_t piece;
    for (; weft_claim(&weft_the_pool.slots[(thread + i) % members], i == 0, &job, &piece); ++count)
      job.run(job.context, job.chunks * piece / job.pieces, job.chunks * (piece + 1) / job.pieces);
  }
  weft_is_inside = 0;
  return count;
}

/* --- Workers ----------------------------------------------------------------------------------------------------- */

/* Until the slot has pieces or the pool stops. Either this thread sees that after it has said that it sleeps, or the
 * caller sees that it sleeps after it has put pieces there. */
static void weft_await_pieces(weft_slot* slot) {
  if (weft_spin(weft_has_pieces, slot, 0)) return;
  __atomic_store_n(&slot->is_asleep, 1, __ATOMIC_SEQ_CST);
  while (weft_is_empty(__atomic_load_n(&slot->range, __ATOMIC_SEQ_CST)) &&
         __atomic_load_n(&slot->is_asleep, __ATOMIC_RELAXED) &&
         !__atomic_load_n(&weft_the_pool.is_stopping, __ATOMIC_SEQ_CST))
    weft_sleep(&slot->is_asleep, 1);
  __atomic_store_n(&slot->is_asleep, 0, __ATOMIC_RELAXED);
}

static void* weft_worker(void* index) {
  const uint32_t thread = (uint32_t)(uintptr_t)index;
  while (!__atomic_load_n(&weft_the_pool.is_stopping, __ATOMIC_RELAXED)) {
    weft_await_pieces(&weft_the_pool.slots[thread]);
    const uint32_t count = weft_work(thread);
    if (count == 0) continue;
    const uint32_t before = __atomic_fetch_add(&weft_the_pool.done, count, __ATOMIC_ACQ_REL);
    if (before & WEFT_WAITING) weft_wake(&weft_the_pool.done);
  }
  return NULL;
}

static void weft_wake_worker(weft_slot* slot) {
  if (__atomic_load_n(&slot->is_asleep, __ATOMIC_SEQ_CST) && __atomic_exchange_n(&slot->is_asleep, 0, __ATOMIC_SEQ_CST))
    weft_wake(&slot->is_asleep);
}

/* The child of a fork has no workers, and no caller but the thread that forked. */
static void weft_forked(void) {
  weft_the_pool.workers = 0;
  weft_the_pool.is_taken = 0;
  for (int i = 0; i < WEFT_MOST_THREADS; ++i) weft_the_pool.slots[i].range = weft_the_pool.slots[i].is_asleep = 0;
}

/* Before this code is unloaded, and at exit. */
__attribute__((destructor)) static void weft_stop_workers(void) {
  __atomic_store_n(&weft_the_pool.is_stopping, 1, __ATOMIC_SEQ_CST);
  for (int i = 1; i <= weft_the_pool.workers; ++i) {
    weft_wake_worker(&weft_the_pool.slots[i]);
    pthread_join(weft_the_pool.slots[i].thread, NULL);
  }
  weft_the_pool.workers = 0;
}

/* That this thread may use; 1 if the system does not say. */
static int weft_count_cores(void) {
  unsigned long mask[128]; /* by the kernel's call: libc's needs _GNU_SOURCE */
  const long bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
  int cores = 0;
  for (long i = 0; i < bytes / (long)sizeof *mask; ++i) cores += __builtin_popcountl(mask[i]);
  return cores > 0 ? cores : 1;
}

/* Starts workers until there are so many, if the system allows. They take no signal from outside: a handler belongs on
 * the program's own threads, and some libraries keep data below the stack pointer. */
static void weft_start_workers(int workers) {
  if (__atomic_load_n(&weft_the_pool.is_stopping, __ATOMIC_RELAXED)) return;
  if (!weft_the_pool.has_fork_handler) weft_the_pool.has_fork_handler = pthread_atfork(NULL, NULL, weft_forked) == 0;
  weft_the_pool.cores = weft_count_cores();
  const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
  sigset_t all, before;
  sigfillset(&all);
  for (size_t i = 0; i < sizeof faults / sizeof *faults; ++i) sigdelset(&all, faults[i]);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  for (int i = weft_the_pool.workers + 1; i <= workers; ++i) {
    if (pthread_create(&weft_the_pool.slots[i].thread, NULL, weft_worker, (void*)(uintptr_t)i) != 0) break;
    weft_the_pool.workers = i;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* --- Jobs -------------------------------------------------------------------------------------------------------- */

/* Gives each member its share of the pieces, in order, and wakes those that sleep. */
static void weft_publish(const weft_job* job, uint32_t members) {
  __atomic_store_n(&weft_the_pool.job.run, job->run, __ATOMIC_RELAXED);
  __atomic_store_n(&weft_the_pool.job.context, job->context, __ATOMIC_RELAXED);
  __atomic_store_n(&weft_the_pool.job.chunks, job->chunks, __ATOMIC_RELAXED);
  __atomic_store_n(&weft_the_pool.job.pieces, job->pieces, __ATOMIC_RELAXED);
  __atomic_store_n(&weft_the_pool.members, members, __ATOMIC_RELAXED);
  __atomic_store_n(&weft_the_pool.is_crowded, (int)members > weft_the_pool.cores, __ATOMIC_RELAXED);
  __atomic_store_n(&weft_the_pool.done, 0, __ATOMIC_RELAXED);
  const uint64_t number = ++weft_the_pool.number << 2 * WEFT_PIECE_BITS;
  for (uint32_t i = members; i-- > 0;) { /* the workers first */
    const uint64_t begin = (uint64_t)job->pieces * i / members, end = (uint64_t)job->pieces * (i + 1) / members;
    __atomic_store_n(&weft_the_pool.slots[i].range, number | begin << WEFT_PIECE_BITS | end, __ATOMIC_SEQ_CST);
    if (i > 0) weft_wake_worker(&weft_the_pool.slots[i]);
  }
}

/* Until the workers have finished so many pieces. */
static void weft_await_done(uint32_t pieces) {
  if (weft_spin(weft_is_done, NULL, pieces)) return;
  uint32_t done = __atomic_or_fetch(&weft_the_pool.done, WEFT_WAITING, __ATOMIC_ACQ_REL);
  while (done != (pieces | WEFT_WAITING)) {
    weft_sleep(&weft_the_pool.done, done);
    done = __atomic_load_n(&weft_the_pool.done, __ATOMIC_ACQUIRE);
  }
}

static void weft_run_on_pool(const weft_job* job, uint32_t members) {
  if (weft_the_pool.workers < (int)members - 1) weft_start_workers((int)members - 1);
  const uint32_t available = (uint32_t)weft_the_pool.workers + 1;
  weft_publish(job, members < available ? members : available);
  const uint32_t mine = weft_work(0);
  if (mine < job->pieces) weft_await_done(job->pieces - mine);
}

/* How many of `threads` an estimated amount of work is worth: for less time a fork and join cost more than they save.
 */
static int weft_threads_of_work(double nanoseconds, int threads) {
  const double worth_a_thread = 2500;
  const double most = 1 + (nanoseconds < worth_a_thread ? 0 : nanoseconds / worth_a_thread);
  return most < threads ? (int)most : threads;
}

static void weft_run_caller_chunk(void* context, int64_t piece) {
  const weft_job* job = (const weft_job*)context;
  const int was_inside = weft_is_inside;
  weft_is_inside = 1;
  job->run(job->context, job->chunks * piece / job->pieces, job->chunks * (piece + 1) / job->pieces);
  weft_is_inside = was_inside;
}

/* Runs chunks [0, chunks) on up to `threads` threads, among them the caller, and returns when all are done. On the
 * calling thread alone inside another job, and while another thread has the workers. */
static void weft_parallel(int64_t chunks, int threads, weft_chunk_run run, void* context) {
  const int64_t most = (int64_t)threads * WEFT_PIECES_OF_THREAD;
  int64_t pieces = chunks < most ? chunks : most;
  if (pieces > WEFT_MOST_PIECES) pieces = WEFT_MOST_PIECES;
  const weft_job job = {run, context, chunks, (uint32_t)pieces};
  uint32_t members = WEFT_MOST_THREADS;
  if (threads < WEFT_MOST_THREADS) members = (uint32_t)threads;
  if (pieces < members) members = (uint32_t)pieces;
  if (chunks <= 0) return;
  if (members <= 1 || weft_is_inside) {
    run(context, 0, chunks);
  } else if (weft_of_caller) {
    weft_of_caller->parallel_for(weft_of_caller->caller, pieces, weft_run_caller_chunk, (void*)&job);
  } else if (__atomic_exchange_n(&weft_the_pool.is_taken, 1, __ATOMIC_ACQUIRE)) {
    run(context, 0, chunks);
  } else {
    weft_run_on_pool(&job, members);
    __atomic_store_n(&weft_the_pool.is_taken, 0, __ATOMIC_RELEASE);
  }
}
