// oneDNN matmuls of one thread, with memory given at each call.
#include "backends/cpu/library_product.h"

#include <array>
#include <dnnl.hpp>

#include "backends/cpu/library_call.h"
#include "ir/error.h"

namespace weft::cpu {

namespace {

dnnl::memory::desc describe(const Matrix& matrix) {
  return {{matrix.rows, matrix.columns}, dnnl::memory::data_type::f32, {matrix.row_stride, matrix.column_stride}};
}

void require(dnnl_status_t status) { check(status == dnnl_success, "oneDNN failed to run a product of tiles"); }

}  // namespace

struct TileProduct::Impl {
  Impl(const Matrix& a, const Matrix& b, const Matrix& result, bool accumulate)
      : engine(dnnl::engine::kind::cpu, 0), stream(engine) {
    const OneThread one_thread;
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (accumulate) {
      dnnl::post_ops post_ops;
      post_ops.append_sum(1.0f);
      attributes.set_post_ops(post_ops);
    }
    const dnnl::matmul::desc desc(describe(a), describe(b), describe(result));
    const dnnl::matmul::primitive_desc primitive_desc(desc, attributes, engine);
    primitive = dnnl::matmul(primitive_desc);
    scratch_bytes = primitive_desc.scratchpad_desc().get_size();
    add(0, DNNL_ARG_SRC, describe(a));
    add(1, DNNL_ARG_WEIGHTS, describe(b));
    add(2, DNNL_ARG_DST, describe(result));
    add(3, DNNL_ARG_SCRATCHPAD, primitive_desc.scratchpad_desc());
  }

  void add(std::size_t index, int argument, const dnnl::memory::desc& desc) {
    memories[index] = dnnl::memory(desc, engine, nullptr);
    arguments[index] = {argument, memories[index].get()};
  }

  void run(const std::array<void*, 4>& places) {
    const OneThread one_thread;
    for (std::size_t i = 0; i < places.size(); ++i)
      require(dnnl_memory_set_data_handle(arguments[i].memory, places[i]));
    require(dnnl_primitive_execute(primitive.get(), stream.get(), int(arguments.size()), arguments.data()));
  }

  dnnl::engine engine;
  dnnl::stream stream;
  dnnl::matmul primitive;
  std::array<dnnl::memory, 4> memories;
  std::array<dnnl_exec_arg_t, 4> arguments = {};
  std::size_t scratch_bytes = 0;
};

TileProduct::TileProduct(const Matrix& a, const Matrix& b, const Matrix& result, bool accumulate) {
  try {
    impl_ = std::make_unique<Impl>(a, b, result, accumulate);
  } catch (const dnnl::error& error) {
    throw InternalError(fmt::format("internal error: oneDNN refuses a product of tiles {}x{} * {}x{}: {}", a.rows,
                                    a.columns, b.rows, b.columns, error.what()));
  }
}
TileProduct::~TileProduct() = default;
TileProduct::TileProduct(TileProduct&&) noexcept = default;
TileProduct& TileProduct::operator=(TileProduct&&) noexcept = default;

void TileProduct::run(const float* a, const float* b, float* result, void* scratch) {
  impl_->run({const_cast<float*>(a), const_cast<float*>(b), result, scratch});
}
std::size_t TileProduct::scratch_bytes() const { return impl_->scratch_bytes; }

}  // namespace weft::cpu
