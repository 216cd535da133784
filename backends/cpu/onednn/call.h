// Shared code for making oneDNN primitives. Only files of onednn/ include this, so oneDNN's headers go no further.
#pragma once

#include <dnnl.hpp>
#include <vector>

#include "backends/cpu/onednn/onednn.h"
#include "backends/cpu/onednn/openmp.h"
#include "backends/cpu/threads/parallel.h"

namespace weft::cpu {

const dnnl::engine& engine();
dnnl::memory::desc desc_of(const Matrix& matrix);

// While it lives, oneDNN makes and runs primitives for one thread. Weft runs it in no other way: the library's own
// threads wait for each other by spinning, and would fight the pool's for the cores.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

// A primitive with its arguments, whose memory must be set before it runs. Running allocates nothing.
class Call {
 public:
  explicit Call(const dnnl::primitive& primitive) : stream_(engine()), primitive_(primitive) {}

  void add(int argument, const dnnl::memory::desc& desc);  // in the order of `set`
  void set(std::size_t index, void* memory) { memories_[index].set_data_handle(memory); }
  void run();  // on this thread
  std::size_t arguments() const { return memories_.size(); }

 private:
  dnnl::stream stream_;
  dnnl::primitive primitive_;
  std::vector<dnnl::memory> memories_;
  std::vector<dnnl_exec_arg_t> arguments_;
};

// A matmul: a, b, the bias if any, result, scratch.
struct MatmulCall {
  MatmulCall(const dnnl::matmul::primitive_desc& desc, bool bias);

  Call call;
  std::size_t scratch_bytes;
};

// max(x, 0) of lines of numbers, each `stride` after the previous, in place. oneDNN could fuse its relu into the store,
// but that turns NaN into 0.
struct Relu {
  float* data = nullptr;
  std::int64_t lines = 0, size = 0, stride = 0;

  void run() const;
};

// Runs the `call` of each part and its relu, if any, a part at a time on one thread. The output of a part is still in
// cache for its relu.
template <typename Part>
void run_parts(std::vector<Part>& parts, int threads) {
  parallel_chunks(std::int64_t(parts.size()), threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      parts[std::size_t(i)].call.run();
      parts[std::size_t(i)].relu.run();
    }
  });
}

}  // namespace weft::cpu
