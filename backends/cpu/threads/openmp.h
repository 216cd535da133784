// The OpenMP runtime that oneDNN computes on, GNU's libgomp, by its functions. Pragmas would bring the compiler's own
// runtime, which for clang is libomp: two pools of threads in one process would wait for each other.
#pragma once

extern "C" {
int omp_get_max_threads();
void omp_set_num_threads(int threads);
int omp_get_thread_num();
int omp_get_num_threads();
// Runs function(data) on each of `threads` threads, the caller among them, and waits for all.
void GOMP_parallel(void (*function)(void* data), void* data, unsigned threads, unsigned flags);
}
