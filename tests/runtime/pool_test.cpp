// The pool of threads: each chunk once, by whichever thread; nested calls, callers at once, fork, a program's own
// threads.
#include <doctest/doctest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <set>
#include <thread>
#include <vector>

#include "backends/cpu/threads/parallel.h"

namespace weft::cpu {

namespace {

using Counts = std::vector<std::int64_t>;

bool is_each_once(std::int64_t chunks, int threads) {
  Counts seen(std::size_t(chunks), 0);
  parallel_chunks(chunks, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) ++seen[std::size_t(i)];
  });
  return std::ranges::all_of(seen, [](std::int64_t each) { return each == 1; });
}

void work_for(std::chrono::microseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) {
  }
}

// The threads that a call with 16 chunks of 2 ms uses.
std::set<std::thread::id> threads_of(int threads) {
  std::vector<std::thread::id> ids(16);
  parallel_chunks(std::ssize(ids), threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      ids[std::size_t(i)] = std::this_thread::get_id();
      work_for(std::chrono::milliseconds(2));
    }
  });
  return {ids.begin(), ids.end()};
}

}  // namespace

TEST_CASE("the pool runs each chunk once") {
  for (const int threads : {1, 2, 3, 8, 70})
    for (const std::int64_t chunks : {0, 1, 2, 7, 100, 5000}) {
      CAPTURE(threads);
      CAPTURE(chunks);
      CHECK(is_each_once(chunks, threads));
    }
}

TEST_CASE("jobs follow each other at once, and a job sees what the one before wrote") {
  Counts before(64, 0), after(64, 0);
  constexpr int jobs = 20000;
  for (int job = 0; job < jobs; ++job) {
    parallel_chunks(std::ssize(before), 3, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) after[std::size_t(i)] = before[std::size_t(63 - i)] + 1;
    });
    std::swap(before, after);
  }
  CHECK(std::ranges::all_of(before, [](std::int64_t each) { return each == jobs; }));
}

TEST_CASE("sleeping workers wake up") {
  threads_of(2);
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // they have stopped spinning
    CHECK(is_each_once(100, 2));
  }
  // On a machine where nothing else runs, a worker takes part; where the test's cores are taken, it may come too late.
  int joined = 0;
  for (int i = 0; i < 50 && joined == 0; ++i) joined += threads_of(2).size() == 2;
  CHECK(joined > 0);
}

TEST_CASE("a call inside a chunk runs on the thread of the chunk") {
  std::atomic<std::int64_t> chunks = 0, elsewhere = 0;
  parallel_chunks(16, 2, [&](std::int64_t, std::int64_t) {
    const auto outer = std::this_thread::get_id();
    parallel_chunks(100, 4, [&](std::int64_t begin, std::int64_t end) {
      chunks += end - begin;
      elsewhere += std::this_thread::get_id() != outer;
    });
  });
  CHECK(chunks == 1600);
  CHECK(elsewhere == 0);
}

TEST_CASE("of callers at once, one has the workers, and the others compute alone") {
  std::vector<std::jthread> callers;
  std::atomic<int> wrong = 0;
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&, caller] {
      for (int job = 0; job < 500; ++job) wrong += !is_each_once(50 + caller, 3);
    });
  callers.clear();
  CHECK(wrong == 0);

  // While a chunk of the first caller holds the pool, a second call's chunks all run on its own thread.
  std::atomic<bool> holds = false, stop = false;
  std::jthread first([&] {
    parallel_chunks(2, 2, [&](std::int64_t, std::int64_t) {
      holds = true;
      while (!stop) std::this_thread::yield();
    });
  });
  while (!holds) std::this_thread::yield();
  CHECK(threads_of(2) == std::set{std::this_thread::get_id()});
  stop = true;
}

TEST_CASE("the child of a fork has a pool of its own") {
  CHECK(is_each_once(100, 3));  // the parent has workers
  std::atomic<bool> stop = false;
  std::jthread other([&] {  // and another thread keeps them busy while it forks
    while (!stop) is_each_once(100, 3);
  });
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      alarm(60);
      bool right = true;
      for (int job = 0; job < 50; ++job) right = right && is_each_once(1000, 3);
      _exit(right ? 0 : 1);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
  stop = true;
  other.join();
  CHECK(is_each_once(100, 3));
}

TEST_CASE("workers take no signal from outside") {
  std::atomic<int> open = 0;
  const auto caller = std::this_thread::get_id();
  for (int i = 0; i < 20; ++i)
    parallel_chunks(16, 3, [&](std::int64_t, std::int64_t) {
      sigset_t blocked;
      pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
      if (std::this_thread::get_id() != caller)
        for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGPROF}) open += sigismember(&blocked, each) == 0;
      work_for(std::chrono::microseconds(200));
    });
  CHECK(open == 0);
}

TEST_CASE("a program's own threads take the pool's place") {
  struct Calls {
    std::int64_t calls = 0, pieces = 0;
  } calls;
  const weft_parallel_for own{[](void* caller, std::int64_t chunks, void (*run)(void*, std::int64_t), void* context) {
                                auto& seen = *static_cast<Calls*>(caller);
                                ++seen.calls;
                                seen.pieces += chunks;
                                std::vector<std::jthread> threads;  // the last first
                                for (std::int64_t i = chunks; i-- > 0;) threads.emplace_back([=] { run(context, i); });
                              },
                              &calls};
  {
    const OwnThreads here(&own);
    CHECK(is_each_once(1000, 2));
    CHECK(calls.calls == 1);
    CHECK(calls.pieces > 2);
    CHECK(is_each_once(1000, 1));  // one thread is the caller
    CHECK(calls.calls == 1);
  }
  CHECK(is_each_once(1000, 2));
  CHECK(calls.calls == 1);
}

}  // namespace weft::cpu
