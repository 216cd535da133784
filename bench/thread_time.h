// Time that a thread computes, whatever else runs on the machine.
#pragma once

#include <algorithm>
#include <ctime>

namespace weft::bench {

inline double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

// The least time of a call of `body`, of as many as fill `budget` seconds.
template <typename Body>
double least_seconds(double budget, Body body) {
  double least = 1e9;
  for (double spent = 0; spent < budget;) {
    const double start = thread_seconds();
    body();
    const double each = thread_seconds() - start;
    least = std::min(least, each);
    spent += each;
  }
  return least;
}

}  // namespace weft::bench
