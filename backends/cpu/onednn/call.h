// What the files that make oneDNN primitives share. Only files of onednn/ include this: the library's headers end
// there.
#pragma once

#include <dnnl.hpp>
#include <vector>

#include "backends/cpu/onednn/onednn.h"
#include "backends/cpu/threads/openmp.h"
#include "backends/cpu/threads/parallel.h"

namespace weft::cpu {

const dnnl::engine& engine();
dnnl::memory::desc describe(const Matrix& matrix);

// While it lives, primitives are made for one thread, and run on one: the library takes as many as OpenMP allows.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

// A primitive with its arguments, whose memory is set before it runs. Running allocates nothing.
class Call {
 public:
  explicit Call(const dnnl::primitive& primitive) : stream_(engine()), primitive_(primitive) {}

  void add(int argument, const dnnl::memory::desc& desc);  // in the order of `set`
  void set(std::size_t index, void* memory) { memories_[index].set_data_handle(memory); }
  void run();
  std::size_t arguments() const { return memories_.size(); }

 private:
  dnnl::stream stream_;
  dnnl::primitive primitive_;
  std::vector<dnnl::memory> memories_;
  std::vector<dnnl_exec_arg_t> arguments_;
};

// A matmul: a, b, the bias if there is one, result, scratch.
struct MatmulCall {
  MatmulCall(const dnnl::matmul::primitive_desc& desc, bool bias);

  Call call;
  std::size_t scratch_bytes;
};

// max(x, 0) of so many lines of numbers, each `stride` after the one before, in place. The library's own relu would do
// it on the way to memory, but makes 0 of NaN.
struct Relu {
  float* data = nullptr;
  std::int64_t lines = 0, size = 0, stride = 0;

  void run() const { run(0, lines); }
  void run(std::int64_t first_line, std::int64_t last_line) const;
  void run_on(int threads) const;  // shared out
};

// The `call` of each part and its relu, where there is one, on one thread each, also where there is one part alone: a
// product by the library's gemm cuts its depth by the threads it finds. What a part made is still in cache for its
// relu.
template <typename Part>
void run_parts(std::vector<Part>& parts, int threads) {
  parallel_chunks(std::int64_t(parts.size()), threads, [&](std::int64_t begin, std::int64_t end) {
    const OneThread one_thread;
    for (std::int64_t i = begin; i < end; ++i) {
      parts[std::size_t(i)].call.run();
      parts[std::size_t(i)].relu.run();
    }
  });
}

}  // namespace weft::cpu
