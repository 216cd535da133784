// Preloaded into PyTorch: implements the BLAS symbol sgemm_ with oneDNN's gemm, which is faster than OpenBLAS's on the
// small and skinny matmuls of a training step.  BLAS is column-major and dnnl_sgemm row-major, so it computes C^T = B^T
// A^T: the operands swap.
//
//   gcc -O2 -shared -fPIC sgemm_onednn.c -o sgemm_onednn.so -ldnnl        (as bench/peers/setup does)
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>

void sgemm_(const char* transa, const char* transb, const int* m, const int* n, const int* k, const float* alpha,
            const float* a, const int* lda, const float* b, const int* ldb, const float* beta, float* c,
            const int* ldc) {
  dnnl_status_t status = dnnl_sgemm(*transb, *transa, *n, *m, *k, *alpha, b, *ldb, a, *lda, *beta, c, *ldc);
  if (status != dnnl_success) {
    fprintf(stderr, "sgemm_onednn: dnnl_sgemm(m %d, n %d, k %d) failed: %d\n", *m, *n, *k, status);
    abort();
  }
}
