// Convolutions by im2col: the C code of an artefact (runtime/artefact/im2col.c) over threads, one block of images at a
// time. A generated kernel or oneDNN computes the matmul of a block.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "backends/cpu/matmul.h"
#include "runtime/program/fields.h"

namespace weft::cpu {

// The step of a convolution, whose weights it takes as row-major, without its matmul; and that matmul.
weft_im2col_step columns_of(const weft_convolution_step& convolution);
Matmul matmul_of(const weft_im2col_step& step, const std::string& activation, const std::string& name);

class Im2col {
 public:
  // Computes the matmul of a block from its buffers (steps.def), on one thread.
  using Product = void (*)(void* context, void* const* buffers, void* scratch);

  // The matmul needs `product_bytes` of scratch. The step must outlive this.
  Im2col(const weft_im2col_step& step, std::size_t product_bytes, int threads);
  int threads() const { return threads_; }
  std::size_t scratch_bytes() const { return step_.weights_bytes + std::size_t(threads_) * bytes_a_thread_; }

  void bind(void* const* buffers, void* scratch);
  // `contexts`: one per thread.
  void run(Product product, void* const* contexts) const;
  // The same for weights that already lie in the order of the matmul, at the start of scratch if it has room for them.
  void run_blocks(Product product, void* const* contexts) const;

 private:
  const weft_im2col_step& step_;
  std::size_t bytes_a_thread_;
  int threads_ = 1;
  std::vector<void*> buffers_;
  char* scratch_ = nullptr;
};

}  // namespace weft::cpu
