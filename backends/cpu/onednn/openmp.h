// GNU's OpenMP runtime libgomp, which oneDNN uses, through its functions: Weft sets how many threads oneDNN finds,
// which is one. Pragmas would link the compiler's runtime, which is libomp for clang.
#pragma once

extern "C" {
int omp_get_max_threads();
void omp_set_num_threads(int threads);
}
