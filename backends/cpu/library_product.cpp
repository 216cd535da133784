// oneDNN primitives of one thread, with memory given at each call.
#include "backends/cpu/library_product.h"

#include <omp.h>

#include <array>
#include <dnnl.hpp>

#include "ir/error.h"

namespace weft::cpu {

namespace {

// A primitive is made for as many threads as OpenMP allows at that time.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

dnnl::memory::desc describe(const Matrix& matrix) {
  return {
      {matrix.rows, matrix.columns}, dnnl::memory::data_type::f32, {matrix.row_stride, matrix.column_stride}};
}

void require(dnnl_status_t status) { check(status == dnnl_success, "oneDNN failed on a tile"); }

dnnl::primitive_attr own_scratch() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

// A primitive and the memories of its arguments, the last of them scratch.
template <std::size_t count>
class Runner {
 public:
  Runner() : engine(dnnl::engine::kind::cpu, 0), stream_(engine) {}

  void set(std::size_t index, int argument, const dnnl::memory::desc& desc) {
    memories_[index] = dnnl::memory(desc, engine, nullptr);
    arguments_[index] = {argument, memories_[index].get()};
    if (index + 1 == count) scratch_bytes_ = desc.get_size();
  }
  void run(const dnnl::primitive& primitive, const std::array<void*, count>& places) {
    for (std::size_t i = 0; i < count; ++i) require(dnnl_memory_set_data_handle(arguments_[i].memory, places[i]));
    require(dnnl_primitive_execute(primitive.get(), stream_.get(), int(count), arguments_.data()));
  }
  std::size_t scratch_bytes() const { return scratch_bytes_; }

  dnnl::engine engine;

 private:
  dnnl::stream stream_;
  std::array<dnnl::memory, count> memories_;
  std::array<dnnl_exec_arg_t, count> arguments_ = {};
  std::size_t scratch_bytes_ = 0;
};

[[noreturn]] void refuse(const char* what, const Matrix& matrix, const dnnl::error& error) {
  throw InternalError(fmt::format("internal error: oneDNN refuses the {} of a tile {}x{}: {}", what, matrix.rows,
                                  matrix.columns, error.what()));
}

}  // namespace

struct TileProduct::Impl {
  Impl(const Matrix& a, const Matrix& b, const Matrix& result, bool accumulate) {
    const OneThread one_thread;
    dnnl::primitive_attr attributes = own_scratch();
    if (accumulate) {
      dnnl::post_ops post_ops;
      post_ops.append_sum(1.0f);
      attributes.set_post_ops(post_ops);
    }
    const dnnl::matmul::desc desc(describe(a), describe(b), describe(result));
    const dnnl::matmul::primitive_desc primitive_desc(desc, attributes, runner.engine);
    primitive = dnnl::matmul(primitive_desc);
    runner.set(0, DNNL_ARG_SRC, describe(a));
    runner.set(1, DNNL_ARG_WEIGHTS, describe(b));
    runner.set(2, DNNL_ARG_DST, describe(result));
    runner.set(3, DNNL_ARG_SCRATCHPAD, primitive_desc.scratchpad_desc());
  }

  Runner<4> runner;
  dnnl::matmul primitive;
};

TileProduct::TileProduct(const Matrix& a, const Matrix& b, const Matrix& result, bool accumulate) {
  try {
    impl_ = std::make_unique<Impl>(a, b, result, accumulate);
  } catch (const dnnl::error& error) {
    refuse("product", result, error);
  }
}
TileProduct::~TileProduct() = default;
TileProduct::TileProduct(TileProduct&&) noexcept = default;
TileProduct& TileProduct::operator=(TileProduct&&) noexcept = default;

void TileProduct::run(const float* a, const float* b, float* result, void* scratch) {
  impl_->runner.run(impl_->primitive, {const_cast<float*>(a), const_cast<float*>(b), result, scratch});
}
std::size_t TileProduct::scratch_bytes() const { return impl_->runner.scratch_bytes(); }

struct TileCopy::Impl {
  Impl(const Matrix& a, const Matrix& result) {
    const OneThread one_thread;
    const dnnl::reorder::primitive_desc primitive_desc(runner.engine, describe(a), runner.engine, describe(result),
                                                       own_scratch());
    primitive = dnnl::reorder(primitive_desc);
    runner.set(0, DNNL_ARG_FROM, describe(a));
    runner.set(1, DNNL_ARG_TO, describe(result));
    runner.set(2, DNNL_ARG_SCRATCHPAD, primitive_desc.scratchpad_desc());
  }

  Runner<3> runner;
  dnnl::reorder primitive;
};

TileCopy::TileCopy(const Matrix& a, const Matrix& result) {
  try {
    impl_ = std::make_unique<Impl>(a, result);
  } catch (const dnnl::error& error) {
    refuse("copy", result, error);
  }
}
TileCopy::~TileCopy() = default;
TileCopy::TileCopy(TileCopy&&) noexcept = default;
TileCopy& TileCopy::operator=(TileCopy&&) noexcept = default;

void TileCopy::run(const float* a, float* result, void* scratch) {
  impl_->runner.run(impl_->primitive, {const_cast<float*>(a), result, scratch});
}
std::size_t TileCopy::scratch_bytes() const { return impl_->runner.scratch_bytes(); }

}  // namespace weft::cpu
