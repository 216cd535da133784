// GNU's OpenMP runtime libgomp, which oneDNN uses, through its functions. Pragmas would link the compiler's runtime,
// which is libomp for clang: two thread pools in one process would wait for each other.
#pragma once

extern "C" {
int omp_get_max_threads();
void omp_set_num_threads(int threads);
int omp_get_thread_num();
int omp_get_num_threads();
// Runs function(data) on `threads` threads, including the caller, and waits for all.
void GOMP_parallel(void (*function)(void* data), void* data, unsigned threads, unsigned flags);
}
